"""Time to convert and α by month of sign-up."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.conversion.models import Developer
from billing.conversion.reasons import Missing
from billing.conversion.timing import (
    shares_at_ages,
    sign_up_cohorts,
    time_to_convert,
)
from tests.billing.conversion.conftest import DAY, START

pytestmark = pytest.mark.django_db
Make = Callable[..., Developer]
END = START + 60 * DAY
WINDOW = timedelta(days=30)


def test_who_has_not_paid_yet_counts_for_as_long_as_they_are_here(
    developer: Make, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    developer(signed_up_at=0, paid_at=7.9)
    developer(signed_up_at=0, paid_at=20)
    developer(signed_up_at=0)
    developer(signed_up_at=10)

    with django_assert_num_queries(1):
        curve = time_to_convert(START, END, as_of=START + 25 * DAY)

    assert [(step.time, step.at_risk, step.events) for step in curve.steps] == [
        (7, 4, 1),
        (20, 2, 1),
    ]
    assert curve.survival_at(20) == 0.75 * 0.5
    assert curve.median == 20


def test_an_age_nobody_has_yet_says_so(developer: Make) -> None:
    developer(signed_up_at=0, paid_at=7)
    developer(signed_up_at=0)

    ages = shares_at_ages(time_to_convert(START, END, as_of=START + 40 * DAY))

    assert [each.share for each in ages] == [0.5, 0.5, Missing.NOT_THAT_OLD]
    assert ages[0].interval is not None
    assert 0 < ages[0].interval.low < 0.5 < ages[0].interval.high < 1


def test_a_contract_from_before_took_no_time(developer: Make) -> None:
    developer(signed_up_at=10, paid_at=3)

    curve = time_to_convert(START, END, as_of=END)

    assert [step.time for step in curve.steps] == [0]


def test_only_who_had_the_whole_window_is_in_alpha(developer: Make) -> None:
    developer(signed_up_at=0, activated_at=50, paid_at=30)
    developer(signed_up_at=1, paid_at=40)
    developer(signed_up_at=20, paid_at=21)

    found = sign_up_cohorts(START, END, window=WINDOW, as_of=START + 45 * DAY)

    assert [each.month for each in found] == [date(2026, 9, 1)]
    (month,) = found
    assert (month.people, month.active, month.converters) == (3, 1, 3)
    assert (month.matured, month.matured_converters) == (2, 1)
    assert month.share == 0.5
    assert not month.is_whole


def test_a_month_of_which_nobodys_window_is_over_has_no_alpha(developer: Make) -> None:
    developer(signed_up_at=0, paid_at=1)

    (month,) = sign_up_cohorts(START, END, window=WINDOW, as_of=START + 29 * DAY)

    assert month.share == Missing.WINDOW_OPEN
    assert month.interval is None


@pytest.mark.parametrize("unit", ["person", "organisation"])
def test_the_page_shows_both_for_either_unit(
    unit: str, developer: Make, client: Client, person: Any
) -> None:
    client.force_login(person("staff", is_staff=True))
    developer(signed_up_at=0, activated_at=1, paid_at=7)

    page = client.get(
        f"/staff/conversion/cohorts/?from=2026-09-01&to=2026-09-30&unit={unit}"
    )

    html = page.content.decode()
    assert page.status_code == 200
    assert ('data-figure="median">7 days<' in html) == (unit == "person")
    assert "trend__curve" in html
