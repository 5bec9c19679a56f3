"""The ledger counts money once and adds up."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from billing.ledger import checks, services
from billing.ledger.models import Invoice, Refund, UsageCost
from billing.ledger.records import InvoiceRecord, LineRecord, RefundRecord
from contracts.inference import UsageAggregated
from outbox import publish
from outbox.models import Event
from tests.factories.billing import invoice_record
from tests.races import together


@pytest.fixture
def org(person: Callable[..., Any]) -> Organisation:
    return personal_organisation(person("ada"))


def record(org: Organisation, what: InvoiceRecord, **fields: Any) -> Invoice:
    return services.record_invoice(
        what,
        organisation_id=org.pk,
        user_id=fields.pop("user_id", None),
        fetched_at=fields.pop("fetched_at", timezone.now()),
    )


def facts(name: str) -> list[dict[str, Any]]:
    return list(
        Event.objects.filter(name=name).order_by("pk").values_list("payload", flat=True)
    )


def usage(org: Organisation, **fields: Any) -> UsageAggregated:
    values: dict[str, Any] = {
        "organisation_id": org.pk,
        "model": "doorstone-premium",
        "edition": "premium",
        "window": "2026-11-01T16:00:00+00:00",
        "revision": 1,
        "requests": 3,
        "tokens_in": 10,
        "tokens_out": 20,
        "price_nano": 500,
        "cost_nano": 350,
    }
    return UsageAggregated(**{**values, **fields})


def test_an_invoice_is_told_once_however_often_it_is_recorded(
    org: Organisation,
) -> None:
    what = invoice_record()

    for _ in range(3):
        record(org, what)

    assert Invoice.objects.count() == 1
    assert [(f["amount"], f["is_first"]) for f in facts("InvoicePaid")] == [
        (2_000, True)
    ]


def test_only_the_first_payment_is_the_first(org: Organisation) -> None:
    record(org, invoice_record())
    record(org, invoice_record(5_000))

    assert [f["is_first"] for f in facts("InvoicePaid")] == [True, False]
    assert Invoice.objects.get(is_first=True).revenue == 2_000


def test_an_invoice_of_nothing_is_no_payment(org: Organisation) -> None:
    record(org, invoice_record(0))

    assert facts("InvoicePaid") == []
    assert not Invoice.objects.filter(is_first=True).exists()


def test_tax_is_not_revenue(org: Organisation) -> None:
    invoice = record(
        org,
        invoice_record(
            2_000, tax=400, total=2_400, amount_due=2_400, amount_paid=2_400
        ),
    )

    assert invoice.revenue == 2_000
    assert facts("InvoicePaid")[0]["amount"] == 2_000


def test_an_older_copy_changes_nothing(org: Organisation) -> None:
    now = timezone.now()
    paid = invoice_record()
    record(org, paid, fetched_at=now)
    older = invoice_record(
        stripe_id=paid.stripe_id, status="open", amount_paid=0, paid_at=None
    )

    record(org, older, fetched_at=now - timedelta(seconds=1))

    assert Invoice.objects.get().status == "paid"


def test_every_declined_attempt_is_told_once(org: Organisation) -> None:
    what = invoice_record(status="open", amount_paid=0, paid_at=None, attempt_count=1)

    record(org, what)
    record(org, what)

    assert len(facts("PaymentFailed")) == 1
    assert facts("InvoicePaid") == []


def test_lines_that_are_gone_go(org: Organisation) -> None:
    what = invoice_record(status="draft", amount_paid=0, paid_at=None)
    record(org, what)
    changed = invoice_record(
        stripe_id=what.stripe_id,
        lines=(
            LineRecord(stripe_id="il_a", amount=1_500),
            LineRecord(stripe_id="il_b", amount=500, is_proration=True),
        ),
    )

    invoice = record(org, changed)

    assert sorted(invoice.lines.values_list("amount", flat=True)) == [500, 1_500]


def test_a_refund_is_told_once_and_counts_on_its_day(org: Organisation) -> None:
    paid_at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    invoice = record(
        org,
        invoice_record(
            2_000,
            tax=400,
            total=2_400,
            amount_due=2_400,
            amount_paid=2_400,
            paid_at=paid_at,
        ),
    )
    refund = RefundRecord(
        stripe_id="re_1",
        amount=1_200,
        status="succeeded",
        refunded_at=paid_at + timedelta(days=3),
    )

    services.record_refund(refund, invoice=invoice)
    services.record_refund(refund, invoice=invoice)

    invoice.refresh_from_db()
    assert invoice.amount_refunded == 1_200
    assert [fact["amount"] for fact in facts("PaymentRefunded")] == [1_000]
    (counted,) = Refund.objects.all()
    assert (invoice.revenue, counted.revenue) == (2_000, 1_000)
    assert counted.refunded_at == refund.refunded_at
    assert counted.counted_at is not None


def test_more_that_goes_back_than_came_is_booked_and_told(org: Organisation) -> None:
    invoice = record(org, invoice_record())
    refund = RefundRecord(
        stripe_id="re_1", amount=500, status="succeeded", refunded_at=timezone.now()
    )
    services.record_refund(refund, invoice=invoice)
    lost = replace(
        refund, stripe_id="du_1", kind="dispute", status="lost", amount=2_000
    )

    services.record_refund(lost, invoice=invoice)

    invoice.refresh_from_db()
    assert invoice.amount_refunded == 2_500
    assert [fact["amount"] for fact in facts("PaymentRefunded")] == [500, 2_000]
    assert [found.detail for found in checks.refunds_add_up()] == [
        "2500 went back of 2000"
    ]


def test_what_comes_back_is_told_as_well(org: Organisation) -> None:
    invoice = record(org, invoice_record())
    refund = RefundRecord(
        stripe_id="re_1", amount=700, status="succeeded", refunded_at=timezone.now()
    )
    for status in ("succeeded", "failed", "failed", "succeeded"):
        services.record_refund(replace(refund, status=status), invoice=invoice)

    assert [fact["amount"] for fact in facts("PaymentRefunded")] == [700, 700]
    assert [fact["amount"] for fact in facts("PaymentRestored")] == [700]
    assert Refund.objects.gone().get().revenue == 700


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_parts_without_tax_add_up_to_the_whole_in_any_order(
    org: Organisation, order: tuple[int, ...]
) -> None:
    invoice = record(org, invoice_record(2_260, subtotal=2_000, tax=260))
    parts = [
        RefundRecord(
            stripe_id=f"re_{number}",
            amount=amount,
            status="succeeded",
            refunded_at=timezone.now(),
        )
        for number, amount in enumerate((333, 333, 1_594))
    ]

    for number in order:
        services.record_refund(parts[number], invoice=invoice)

    assert sum(Refund.objects.values_list("revenue", flat=True)) == 2_000
    assert sum(fact["amount"] for fact in facts("PaymentRefunded")) == 2_000


@pytest.mark.django_db(transaction=True)
def test_refunds_at_once_are_told_as_the_sum_they_make(org: Organisation) -> None:
    invoice = record(org, invoice_record(2_260, subtotal=2_000, tax=260))
    parts = [
        RefundRecord(
            stripe_id=f"re_{amount}",
            amount=amount,
            status="succeeded",
            refunded_at=timezone.now(),
        )
        for amount in (333, 334, 335)
    ]

    together(
        *(
            partial(services.record_refund, part, invoice=Invoice(pk=invoice.pk))
            for part in parts
        )
    )

    invoice.refresh_from_db()
    whole = 1_002 * 2_000 // 2_260
    assert (invoice.amount_refunded, invoice.told_returned) == (1_002, whole)
    assert sum(fact["amount"] for fact in facts("PaymentRefunded")) == whole


@pytest.mark.parametrize(
    ("amount", "tax", "total", "left"),
    [
        (110, 10, 110, 100),
        # Rounded down to what can be paid.
        (100, 10, 110, 90),
        (1, 1, 1, 0),
        (500, 0, 500, 500),
        (0, 0, 0, 0),
        # A credit that is larger than the invoice leaves nothing to divide by.
        (5, 1, 0, 5),
        (5, 1, -3, 5),
    ],
)
def test_what_is_not_tax_is_a_share_of_what_was_paid(
    amount: int, tax: int, total: int, left: int
) -> None:
    assert services.without_tax(amount, tax=tax, total=total) == left


def test_usage_counts_once_and_later_revisions_add(
    org: Organisation, deliver_outbox: Callable[[], int]
) -> None:
    with transaction.atomic():
        for fact in (usage(org), usage(org), usage(org, revision=2, cost_nano=50)):
            publish(fact)

    deliver_outbox()
    deliver_outbox()

    assert sorted(UsageCost.objects.values_list("cost_nano", flat=True)) == [50, 350]


def test_the_check_finds_nothing_in_a_ledger_that_adds_up(org: Organisation) -> None:
    record(org, invoice_record())
    out = StringIO()

    call_command("ledger", "check", stdout=out)

    assert "1 invoices, 0 usage rows, 0 violations." in out.getvalue()


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        ({"subtotal": 1}, "lines_add_up"),
        ({"total": 1}, "totals_add_up"),
        ({"revenue": 7}, "revenue_is_paid_without_tax"),
        ({"amount_refunded": 5}, "refunds_add_up"),
        ({"is_first": False}, "one_first_invoice"),
    ],
)
def test_the_check_finds_what_does_not_add_up(
    org: Organisation, spoil: dict[str, Any], rule: str
) -> None:
    record(org, invoice_record())
    Invoice.objects.update(**spoil)
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("ledger", "check", stdout=out)

    assert ended.value.code == 1
    assert any(
        line.startswith(rule) and "WRONG" in line
        for line in out.getvalue().splitlines()
    )


def test_the_first_payment_is_the_earliest_however_late_it_is_recorded(
    org: Organisation,
) -> None:
    renewal, purchase = invoice_record(), invoice_record()
    month_ago = timezone.now() - timedelta(days=30)

    record(org, renewal)
    record(org, replace(purchase, issued_at=month_ago, paid_at=month_ago))
    record(org, renewal)

    assert Invoice.objects.get(is_first=True).stripe_id == purchase.stripe_id


def test_a_payment_is_told_with_the_time_it_was_made(org: Organisation) -> None:
    paid_at = datetime(2026, 9, 1, 12, 0, 5, tzinfo=UTC)

    record(org, invoice_record(paid_at=paid_at))

    (fact,) = facts("InvoicePaid")
    assert fact["occurred_at"] == "2026-09-01T12:00:05.999999+00:00"


@pytest.mark.django_db(transaction=True)
def test_of_ten_payments_at_once_one_is_the_first(org: Organisation) -> None:
    barrier = threading.Barrier(10)
    records = [invoice_record() for _ in range(10)]

    def pay(what: InvoiceRecord) -> None:
        barrier.wait()
        try:
            record(org, what)
        finally:
            connection.close()

    threads = [threading.Thread(target=pay, args=[what]) for what in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Invoice.objects.get(is_first=True).stripe_id == records[0].stripe_id
    assert len(facts("InvoicePaid")) == 10
