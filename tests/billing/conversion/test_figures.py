from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from billing.conversion.figures import cohorts_by_source, total
from billing.conversion.models import Developer
from core.money import NANO
from tests.billing.conversion.conftest import DAY, START

pytestmark = pytest.mark.django_db
Make = Callable[..., Developer]
WINDOW = timedelta(days=30)
END = START + 30 * DAY


def test_a_cohort_is_counted_and_paid_to_the_cent(developer: Make) -> None:
    developer(activated_at=1, paid_at=5, revenue=2000, cost_nano=3 * NANO)
    developer(activated_at=2, paid_at=9, revenue=4000, cost_nano=1 * NANO)
    developer(activated_at=3, cost_nano=2 * NANO)
    developer(activated_at=4)

    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))

    assert (cohort.developers, cohort.converters) == (4, 2)
    assert cohort.share == 0.5
    assert cohort.price_nano == 30 * NANO
    assert cohort.paid_cost_nano == 2 * NANO
    assert cohort.full_cost_nano == 3 * NANO
    assert cohort.profit_nano == 54 * NANO
    assert cohort.formula_profit_nano == 56 * NANO


def test_the_formula_gives_the_profit(developer: Make) -> None:
    developer(activated_at=1, paid_at=5, revenue=2000, cost_nano=3 * NANO)
    developer(activated_at=3, cost_nano=2 * NANO)

    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))

    assert cohort.share is not None
    assert cohort.price_nano is not None
    assert cohort.full_cost_nano is not None
    formula = (
        cohort.share * (cohort.price_nano - cohort.full_cost_nano) * cohort.developers
    )
    assert formula == cohort.profit_nano


def test_profits_of_sources_add_up_to_the_total(developer: Make) -> None:
    developer(source="docs", activated_at=1, paid_at=2, revenue=999, cost_nano=7)
    developer(source="forum", activated_at=1, paid_at=2, revenue=1, cost_nano=11)
    developer(source="search", activated_at=1, cost_nano=13)

    cohorts = cohorts_by_source(START, END, window=WINDOW, as_of=END)

    assert [cohort.source for cohort in cohorts] == ["docs", "forum", "search"]
    profits = [cohort.profit_nano or 0 for cohort in cohorts]
    assert sum(profits) == total(cohorts).profit_nano


def test_developers_whose_window_is_open_are_in_neither_part(developer: Make) -> None:
    developer(signed_up_at=0, activated_at=0, paid_at=10)
    developer(signed_up_at=0, activated_at=0)
    developer(signed_up_at=20, activated_at=20, paid_at=21)

    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=START + 35 * DAY))

    assert (cohort.matured, cohort.matured_converters) == (2, 1)
    assert cohort.matured_share == 0.5
    assert cohort.converters == 2


def test_whoever_pays_after_the_window_has_not_converted_within_it(
    developer: Make,
) -> None:
    developer(signed_up_at=0, activated_at=0, paid_at=31)

    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=START + 60 * DAY))

    assert cohort.matured_share == 0
    assert cohort.share == 1


def test_nobody_is_no_data_and_not_zero() -> None:
    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))

    assert cohort.share is None
    assert cohort.share_interval is None
    assert cohort.price_nano is None
    assert cohort.profit_nano == 0


def test_staff_and_test_people_are_left_out(developer: Make) -> None:
    staff = developer(activated_at=1)
    staff.user.is_staff = True
    staff.user.save()
    internal = developer(activated_at=1)
    internal.user.is_internal = True
    internal.user.save()

    assert cohorts_by_source(START, END, window=WINDOW, as_of=END) == []


def test_all_sources_cost_one_query(
    developer: Make, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for index in range(30):
        developer(source=f"source-{index}", activated_at=1)

    with django_assert_num_queries(1):
        cohorts = cohorts_by_source(START, END, window=WINDOW, as_of=END)

    assert len(cohorts) == 30


def test_profit_has_an_interval_from_two_hundred_developers_on(developer: Make) -> None:
    for _ in range(40):
        developer(activated_at=1, paid_at=2, revenue=2000, cost_nano=4 * NANO)
    for _ in range(159):
        developer(activated_at=1)

    few = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))
    developer(source="forum", activated_at=1)
    enough = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))

    assert few.profit_interval is None
    # 200 · (3.2 ± 1.971957 · √(40.9600 · 200 ÷ 199) ÷ √200), in units.
    assert enough.profit_interval is not None
    assert enough.profit_interval.low / NANO == pytest.approx(461.071, abs=0.001)
    assert enough.profit_interval.high / NANO == pytest.approx(818.929, abs=0.001)


def test_cost_is_counted_in_the_currency_of_the_revenue(
    developer: Make, settings: Any
) -> None:
    settings.REPORTING_CURRENCY = "cny"
    settings.REPORTING_USD_RATE = (Decimal("7.12"), date(2026, 11, 1))
    developer(activated_at=1, paid_at=5, revenue=10_000, cost_nano=10 * NANO)

    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))

    # 100.00 yuan less ten dollars at 7.12.
    assert cohort.full_cost_nano == 71_200_000_000
    assert cohort.profit_nano == 28_800_000_000
    assert cohort.formula_profit_nano == 28_800_000_000
    assert cohort.profit_squares == pytest.approx(28.8**2)


def test_without_a_rate_there_is_no_profit_rather_than_a_wrong_one(
    developer: Make, settings: Any
) -> None:
    settings.REPORTING_CURRENCY = "cny"
    settings.REPORTING_USD_RATE = None
    developer(activated_at=1, paid_at=5, revenue=10_000, cost_nano=10 * NANO)

    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))

    assert (cohort.profit_nano, cohort.full_cost_nano) == (None, None)
    assert (cohort.formula_profit_nano, cohort.profit_interval) == (None, None)
    assert cohort.price_nano == 100 * NANO
