from collections.abc import Callable
from datetime import date
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
END = START + 30 * DAY


def test_a_cohort_is_counted_and_paid_to_the_cent(developer: Make) -> None:
    developer(activated_at=1, paid_at=5, revenue=2000, cost_nano=3 * NANO)
    developer(activated_at=2, paid_at=9, revenue=4000, cost_nano=1 * NANO)
    developer(activated_at=3, cost_nano=2 * NANO)
    developer(activated_at=4)

    cohort = total(cohorts_by_source(START, END))

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

    cohort = total(cohorts_by_source(START, END))

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

    cohorts = cohorts_by_source(START, END)

    assert [cohort.source for cohort in cohorts] == ["docs", "forum", "search"]
    profits = [cohort.profit_nano or 0 for cohort in cohorts]
    assert sum(profits) == total(cohorts).profit_nano


def test_nobody_is_no_data_and_not_zero() -> None:
    cohort = total(cohorts_by_source(START, END))

    assert cohort.share is None
    assert cohort.share_interval is None
    assert cohort.price_nano is None
    assert cohort.profit_nano == 0


def test_staff_test_people_and_who_is_gone_are_left_out(developer: Make) -> None:
    staff = developer(activated_at=1)
    staff.user.is_staff = True
    staff.user.save()
    internal = developer(activated_at=1)
    internal.user.is_internal = True
    internal.user.save()
    gone = developer(activated_at=1)
    gone.user.is_active = False
    gone.user.save()
    left_out = developer(activated_at=1)
    Developer.objects.filter(pk=left_out.pk).update(excluded_at=START)

    assert cohorts_by_source(START, END) == []


def test_all_sources_cost_one_query(
    developer: Make, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for index in range(30):
        developer(source=f"source-{index}", activated_at=1)

    with django_assert_num_queries(1):
        cohorts = cohorts_by_source(START, END)

    assert len(cohorts) == 30


def test_cost_is_counted_in_the_currency_of_the_revenue(
    developer: Make, settings: Any
) -> None:
    settings.REPORTING_CURRENCY = "cny"
    settings.REPORTING_USD_RATE = (Decimal("7.12"), date(2026, 11, 1))
    developer(activated_at=1, paid_at=5, revenue=10_000, cost_nano=10 * NANO)

    cohort = total(cohorts_by_source(START, END))

    # 100.00 yuan less ten dollars at 7.12.
    assert cohort.full_cost_nano == 71_200_000_000
    assert cohort.profit_nano == 28_800_000_000
    assert cohort.formula_profit_nano == 28_800_000_000


def test_without_a_rate_there_is_no_profit_rather_than_a_wrong_one(
    developer: Make, settings: Any
) -> None:
    settings.REPORTING_CURRENCY = "cny"
    settings.REPORTING_USD_RATE = None
    developer(activated_at=1, paid_at=5, revenue=10_000, cost_nano=10 * NANO)

    cohort = total(cohorts_by_source(START, END))

    assert (cohort.profit_nano, cohort.full_cost_nano) == (None, None)
    assert cohort.formula_profit_nano is None
    assert cohort.price_nano == 100 * NANO
