"""The page of prices: what is on offer, and what an address asks it."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.plans.services import ensure_default_plans


def test_the_pricing_page_shows_what_is_on_offer(
    db: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ensure_default_plans()

    # One of them for the name of the plan that the answer about cancelling names.
    with django_assert_max_num_queries(5):
        page = Client().get("/pricing/").content.decode()

    assert "$20.00" in page
    assert "$125.00" in page
    assert "/billing/checkout/team/?interval=month&amp;seats=5" in page


def test_the_year_and_the_seats_are_in_the_address(db: None) -> None:
    ensure_default_plans()

    page = Client().get("/pricing/?interval=year&seats=10").content.decode()

    assert "$16.67" in page
    assert "$2,500.00" in page
    assert "−17" in page


@pytest.mark.parametrize(
    "query",
    [
        "interval=&seats=",
        "tokens_in=nan",
        "tokens_in=1e999&price_in=1",
        "tokens_in=abc",
    ],
)
def test_odd_addresses_show_the_usual_page(db: None, query: str) -> None:
    ensure_default_plans()

    assert Client().get(f"/pricing/?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("interval=never&seats=2", "interval"),
        ("seats=x", "seats"),
        ("seats=-1", "seats"),
        ("seats=99999999999", "seats"),
    ],
)
def test_a_value_no_plan_can_have_is_refused_by_its_name(
    db: None, query: str, field: str
) -> None:
    ensure_default_plans()

    answer = Client().get(f"/pricing/?{query}")

    assert answer.status_code == 400
    assert f"“{field}”" in answer.content.decode()


def test_an_estimate_names_the_plan_that_covers_it(db: None) -> None:
    ensure_default_plans()

    page = Client().get(
        "/pricing/?tokens_in=10&price_in=0.5&tokens_out=2&price_out=1.5"
    )

    assert page.context["estimate"].nano == 8 * 10**9
    assert page.context["estimate_plan"].offer.plan.key == "pro"
