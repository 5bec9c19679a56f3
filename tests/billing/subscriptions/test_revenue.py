"""The staff's page of revenue."""

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.queries import personal_organisation
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_invoice, record_refund
from billing.subscriptions import mirror
from billing.subscriptions.revenue import revenue
from tests.factories.billing import (
    default_price,
    fetched_subscription,
    invoice_record,
    team_of,
)


def test_every_figure_is_what_it_says(
    person: Callable[..., Any], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ada, ben, eve = person("ada"), person("ben"), person("eve")
    team = team_of(ada)
    prices = (default_price("team", "year"), default_price("pro"))
    for copy in (
        fetched_subscription(team, prices[0], quantity=3),
        fetched_subscription(personal_organisation(ada), prices[1]),
        fetched_subscription(personal_organisation(ben), prices[1], status="trialing"),
        fetched_subscription(personal_organisation(eve), prices[1], status="past_due"),
    ):
        mirror.apply_subscription(copy, fetched_at=timezone.now())
    invoice = record_invoice(
        invoice_record(75_000),
        organisation_id=team.pk,
        user_id=ada.pk,
        fetched_at=timezone.now(),
    )
    record_refund(
        RefundRecord(
            stripe_id="re_1",
            amount=5_000,
            status="succeeded",
            refunded_at=timezone.now(),
        ),
        invoice=invoice,
    )

    with django_assert_num_queries(5):
        found = revenue()

    assert [
        (row.plan, row.subscriptions, row.seats, row.mrr) for row in found.plans
    ] == [
        ("pro", 3, 3, 4_000),
        ("team", 1, 3, 6_250),
    ]
    assert (found.mrr, found.paid, found.refunded, found.net) == (
        10_250,
        75_000,
        5_000,
        70_000,
    )
    assert [row.organisation.slug for row in found.overdue] == ["eve"]


def test_only_staff_read_it(person: Callable[..., Any]) -> None:
    client = Client()
    client.force_login(person("ada"))
    assert client.get("/staff/revenue/").status_code == 403

    client.force_login(person("staff", is_staff=True))

    assert client.get("/staff/revenue/").status_code == 200
    assert Client().get("/staff/revenue/").status_code == 302
