from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from activity.models import Visitor
from billing.conversion.funnel import ordered_funnel
from billing.conversion.models import Developer
from tests.billing.conversion.conftest import DAY, START

pytestmark = pytest.mark.django_db
Make = Callable[..., Developer]
WINDOW = timedelta(days=30)
END = START + 30 * DAY
WHOLE_WAY = {
    "first_visit_at": 0,
    "signed_up_at": 1,
    "verified_at": 2,
    "first_call_at": 3,
    "checkout_at": 4,
    "paid_at": 5,
}


def counts(source: str | None = None) -> list[int]:
    return [
        step.people for step in ordered_funnel(START, END, window=WINDOW, source=source)
    ]


def test_the_whole_way_counts_at_every_step(developer: Make) -> None:
    developer(**WHOLE_WAY)

    assert counts() == [1, 1, 1, 1, 1, 1]


def test_a_step_out_of_order_ends_the_way(developer: Make) -> None:
    developer(**WHOLE_WAY | {"first_call_at": 1.5})

    assert counts() == [1, 1, 1, 0, 0, 0]


def test_a_step_after_the_window_does_not_count(developer: Make) -> None:
    developer(**WHOLE_WAY | {"checkout_at": 31, "paid_at": 32})

    assert counts() == [1, 1, 1, 1, 0, 0]


def test_later_steps_may_lie_after_the_range(developer: Make) -> None:
    developer(
        first_visit_at=29,
        signed_up_at=29,
        verified_at=33,
        first_call_at=34,
        checkout_at=35,
        paid_at=36,
    )

    assert counts() == [1, 1, 1, 1, 1, 1]


def test_visitors_who_never_signed_up_are_visits(developer: Make) -> None:
    developer(**WHOLE_WAY)
    Visitor.objects.create(id="v_1", first_seen_at=START, source="docs")
    Visitor.objects.create(id="v_2", first_seen_at=START, source="search")
    Visitor.objects.create(id="v_3", first_seen_at=END, source="docs")

    assert counts()[:2] == [3, 1]
    assert counts(source="docs")[:2] == [2, 1]


def test_rates_are_given_overall_and_from_the_step_before(developer: Make) -> None:
    developer(**WHOLE_WAY)
    developer(first_visit_at=0, signed_up_at=1)

    funnel = ordered_funnel(START, END, window=WINDOW)

    assert funnel[2].overall == 0.5
    assert funnel[2].from_previous == 0.5
    assert funnel[5].from_previous == 1
    assert funnel[1].median == timedelta(days=1)


def test_the_rows_behind_a_step_are_its_people(developer: Make) -> None:
    whole = developer(**WHOLE_WAY)
    developer(**WHOLE_WAY | {"first_call_at": 1.5})

    behind = Developer.objects.reached_in_order(
        "first_call_at", START, END, window=WINDOW
    )

    assert list(behind) == [whole]


def test_the_funnel_costs_two_queries(
    developer: Make, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    developer(**WHOLE_WAY)

    with django_assert_num_queries(2):
        counts()
