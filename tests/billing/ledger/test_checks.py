"""What is wrong in the ledger is named, and nothing else is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from accounts.models import Membership, Organisation
from accounts.queries import personal_organisation
from billing.ledger import checks, services
from billing.ledger.models import Invoice, Refund, UsageCost
from billing.ledger.records import (
    InvoiceRecord,
    LineRecord,
    PaymentRecord,
    RefundRecord,
)
from tests.factories.billing import invoice_record, team_of

WINDOW = datetime(2026, 11, 1, 16, tzinfo=UTC)


@pytest.fixture
def org(person: Callable[..., Any]) -> Organisation:
    return personal_organisation(person("ada"))


def record(org: Organisation, what: InvoiceRecord) -> Invoice:
    return services.record_invoice(
        what, organisation_id=org.pk, user_id=None, fetched_at=timezone.now()
    )


def used(org: Organisation, revision: int, **fields: Any) -> UsageCost:
    values: dict[str, Any] = {
        "model": "tiny",
        "edition": "open",
        "window": WINDOW,
        "requests": 1,
        "tokens_in": 1,
        "tokens_out": 1,
        "price_nano": 1,
        "cost_nano": 1,
    }
    return UsageCost.objects.create(
        organisation=org, revision=revision, **{**values, **fields}
    )


def found() -> list[tuple[str, str, str]]:
    return [
        (each.rule, each.subject, each.detail)
        for check in checks.CHECKS
        for each in check()
    ]


def test_what_has_no_lines_no_number_and_no_money_is_not_wrong(
    org: Organisation,
) -> None:
    for _ in range(2):
        record(
            org,
            invoice_record(
                status="draft", number="", amount_paid=0, paid_at=None, lines=()
            ),
        )
    paid = record(org, invoice_record())
    record(org, invoice_record())
    services.record_refund(
        RefundRecord(
            stripe_id="re_1", amount=500, status="pending", refunded_at=timezone.now()
        ),
        invoice=paid,
    )
    for revision in (1, 2, 3):
        used(org, revision)
    used(org, 1, window=WINDOW + timedelta(hours=1))

    assert found() == []


def test_every_line_counts(org: Organisation) -> None:
    lines = (
        LineRecord(stripe_id="il_a", amount=1_500),
        LineRecord(stripe_id="il_b", amount=400),
    )

    invoice = record(org, invoice_record(2_000, lines=lines))

    assert found() == [("lines_add_up", invoice.stripe_id, "lines 1900, subtotal 2000")]


def test_more_payments_than_money_are_named(org: Organisation) -> None:
    invoice = record(
        org,
        invoice_record(
            2_000,
            payments=(
                PaymentRecord(stripe_id="inpay_1", amount=2_000, status="paid"),
                PaymentRecord(stripe_id="inpay_2", amount=300, status="paid"),
                PaymentRecord(stripe_id="inpay_3", amount=9_000, status="canceled"),
            ),
        ),
    )

    assert found() == [
        ("payments_do_not_exceed", invoice.stripe_id, "payments 2300, paid 2000")
    ]


def test_more_revenue_back_than_money_is_named(org: Organisation) -> None:
    invoice = record(org, invoice_record())
    services.record_refund(
        RefundRecord(
            stripe_id="re_1", amount=500, status="succeeded", refunded_at=timezone.now()
        ),
        invoice=invoice,
    )
    Refund.objects.update(revenue=501)

    assert found() == [("refunds_add_up", "re_1", "more revenue than money")]


def test_a_number_that_two_invoices_have_is_named_once(org: Organisation) -> None:
    record(org, invoice_record(number="DS-1"))
    record(org, invoice_record(number="DS-1"))

    assert found() == [("numbers_are_unique", "DS-1", "2 invoices")]


def test_two_first_invoices_are_named(org: Organisation) -> None:
    record(org, invoice_record())
    open_one = record(org, invoice_record(status="open", amount_paid=0, paid_at=None))
    Invoice.objects.update(is_first=False)

    assert not open_one.is_first
    assert found() == [
        ("one_first_invoice", f"organisation {org.pk}", "0 first invoices")
    ]


def test_a_revision_that_is_missing_is_named(org: Organisation) -> None:
    used(org, 1)
    used(org, 3)
    used(org, 4, model="other")

    assert found() == [
        (
            "usage_has_no_gaps",
            f"organisation {org.pk} tiny",
            f"{WINDOW}: 2 of 3 revisions",
        )
    ]


def test_invoices_are_seen_by_those_who_look_after_the_money(
    person: Callable[..., Any],
) -> None:
    ada, ben = person("ada"), person("ben")
    team = team_of(ada)
    Membership.objects.create(organisation=team, user=ben, role=Membership.Role.MEMBER)
    invoice = record(team, invoice_record())

    def seen_by(user: Any) -> list[Invoice]:
        return list(Invoice.objects.visible_to(user))

    assert seen_by(ada) == seen_by(person("staff", is_staff=True)) == [invoice]
    assert seen_by(ben) == seen_by(person("eve")) == seen_by(AnonymousUser()) == []
