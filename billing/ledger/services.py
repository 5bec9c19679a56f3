"""Writing the ledger: what was invoiced, paid, refunded and used."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation
from billing.ledger.models import Invoice, InvoiceLine, Payment, Refund, UsageCost
from billing.ledger.records import (
    InvoiceRecord,
    LineRecord,
    PaymentRecord,
    RefundRecord,
)
from contracts.billing import (
    InvoicePaid,
    PaymentFailed,
    PaymentRefunded,
    PaymentRestored,
)
from contracts.inference import UsageAggregated
from outbox import publish

# Stripe tells whole seconds; our clock has six digits more.
ALMOST_A_SECOND = timedelta(microseconds=999_999)
# What is not ours any more: given back, taken by a bank, given back elsewhere.
GONE = {("refund", "succeeded"), ("dispute", "lost"), ("credit_note", "issued")}
# What is on its way back and may yet stay.
LEAVING = {("refund", "pending"), ("refund", "requires_action")}


@transaction.atomic
def record_invoice(
    record: InvoiceRecord,
    *,
    organisation_id: int,
    user_id: int | None,
    fetched_at: datetime,
) -> Invoice:
    """Bring the mirror of one invoice up to ``record``.

    The organisation's row is locked: of two invoices paid at once exactly one is
    the first. A record fetched before the stored one changes nothing. That an
    invoice was paid is told once, however often it is recorded. The first is the
    one paid first, also when it is recorded last.
    """
    Organisation.objects.select_for_update().get(pk=organisation_id)
    known = Invoice.objects.filter(stripe_id=record.stripe_id).first()
    if known is not None and known.fetched_at > fetched_at:
        return known

    values = invoice_values(record, known=known, user_id=user_id)
    invoice, _ = Invoice.objects.update_or_create(
        stripe_id=record.stripe_id,
        defaults={
            **values,
            "organisation_id": organisation_id,
            "raw": record.raw,
            "fetched_at": fetched_at,
        },
    )
    _replace(InvoiceLine, invoice, record.lines)
    _replace(Payment, invoice, record.payments)
    place_first(organisation_id)
    invoice.refresh_from_db(fields=["is_first"])

    is_paid = record.paid_at is not None and invoice.revenue > 0
    if is_paid and invoice.told_paid is None:
        invoice.told_paid = invoice.revenue
        invoice.save(update_fields=["told_paid"])
        publish(
            InvoicePaid(
                organisation_id=organisation_id,
                invoice_id=invoice.pk,
                amount=invoice.revenue,
                currency=record.currency,
                is_first=invoice.is_first,
                user_id=invoice.user_id,
                occurred_at=_end_of_second(record.paid_at),
            )
        )
    if invoice.refunds.exists():
        settle_refunds(invoice, at=fetched_at)
    earlier_attempts = known.attempt_count if known else 0
    if (
        record.status == Invoice.Status.OPEN
        and record.attempt_count > earlier_attempts
        and not is_paid
    ):
        publish(PaymentFailed(organisation_id=organisation_id, invoice_id=invoice.pk))
    return invoice


@transaction.atomic
def record_refund(
    record: RefundRecord, *, invoice: Invoice, fetched_at: datetime | None = None
) -> Refund:
    """Bring what went back, or may, up to ``record`` and the invoice's sums with it.

    The invoice row is locked. A record fetched before the stored one changes nothing.
    Everybody hears of the difference to what they have heard: once when money is gone,
    and once more when it came back.
    """
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    known = Refund.objects.filter(stripe_id=record.stripe_id).first()
    if known and known.fetched_at and fetched_at and known.fetched_at > fetched_at:
        return known
    values = {**asdict(record), "fetched_at": fetched_at}
    refund, _ = Refund.objects.update_or_create(
        stripe_id=values.pop("stripe_id"),
        defaults={**values, "invoice": locked},
        create_defaults={**values, "invoice": locked, "revenue": 0},
    )
    settle_refunds(locked, at=record.refunded_at)
    refund.refresh_from_db()
    return refund


def settle_refunds(invoice: Invoice, *, at: datetime) -> None:
    """Add up what went back of ``invoice`` and tell what is new in it.

    The caller holds the row's lock; ``at`` is when the news happened. Each refund's
    part without tax is what the sum grows by, so that the parts add up to the whole.
    """
    leaving = gone = revenue = 0
    for refund in invoice.refunds.order_by("refunded_at", "stripe_id"):
        state = (refund.kind, refund.status)
        leaving += refund.amount if state in LEAVING | GONE else 0
        is_gone = state in GONE
        if is_gone:
            gone += refund.amount
            before, revenue = revenue, _revenue_of(invoice, gone)
            refund.revenue = max(revenue - before, 0)
        else:
            refund.revenue = _revenue_of(invoice, refund.amount)
        refund.counted_at = (refund.counted_at or timezone.now()) if is_gone else None
        refund.save(update_fields=["revenue", "counted_at"])
    invoice.amount_refunded = leaving
    news = revenue - invoice.told_returned
    invoice.told_returned = revenue
    invoice.save(update_fields=["amount_refunded", "told_returned"])
    if news:
        fact = PaymentRefunded if news > 0 else PaymentRestored
        publish(
            fact(
                organisation_id=invoice.organisation_id,
                invoice_id=invoice.pk,
                amount=abs(news),
                currency=invoice.currency,
                occurred_at=_end_of_second(at),
            )
        )


def record_usage(fact: UsageAggregated) -> None:
    """Note the cost of one closed window; the same revision counts once."""
    UsageCost.objects.bulk_create(
        [
            UsageCost(
                organisation_id=fact.organisation_id,
                model=fact.model,
                edition=fact.edition,
                window=datetime.fromisoformat(fact.window),
                revision=fact.revision,
                requests=fact.requests,
                tokens_in=fact.tokens_in,
                tokens_out=fact.tokens_out,
                price_nano=fact.price_nano,
                cost_nano=fact.cost_nano,
            )
        ],
        ignore_conflicts=True,
    )


def _revenue_of(invoice: Invoice, amount: int) -> int:
    return without_tax(amount, tax=invoice.tax, total=invoice.total)


def without_tax(amount: int, *, tax: int, total: int) -> int:
    """Return the part of ``amount`` that is not tax, rounded down to a minor unit."""
    if not tax or total <= 0:
        return amount
    return amount * (total - tax) // total


def invoice_values(
    record: InvoiceRecord, *, known: Invoice | None, user_id: int | None
) -> dict[str, Any]:
    """Return the columns of an invoice that its record decides."""
    values = asdict(record)
    for name in ("stripe_id", "lines", "payments", "raw"):
        del values[name]
    revenue = without_tax(record.amount_paid, tax=record.tax, total=record.total)
    return {
        **values,
        "user_id": user_id or (known.user_id if known else None),
        "revenue": revenue,
    }


def place_first(organisation_id: int) -> bool:
    """Let exactly the invoice paid first be the first; tell whether that was news.

    The caller holds the organisation's row. Within one second, which is all Stripe
    tells, the numbers know the order.
    """
    invoices = Invoice.objects.filter(organisation_id=organisation_id)
    first = invoices.paid().order_by("paid_at", "number", "pk").first()
    pk = first.pk if first else 0
    moved = invoices.filter(is_first=True).exclude(pk=pk).update(is_first=False)
    moved += invoices.filter(pk=pk, is_first=False).update(is_first=True)
    return bool(moved)


def _end_of_second(moment: datetime | None) -> str:
    """Return when money moved; Stripe's clock knows whole seconds.

    It is somewhere in that second: taking its end keeps what led to the payment,
    and is timed more finely, from coming after it.
    """
    if moment is None:
        return ""
    return (moment.replace(microsecond=0) + ALMOST_A_SECOND).isoformat()


def _replace(
    kind: type[InvoiceLine | Payment],
    invoice: Invoice,
    records: Iterable[LineRecord | PaymentRecord],
) -> None:
    """Make the rows of an invoice those of ``records``, by their ids at Stripe."""
    kept = []
    for record in records:
        values = asdict(record)
        row, _ = kind.objects.update_or_create(
            stripe_id=values.pop("stripe_id"), defaults={**values, "invoice": invoice}
        )
        kept.append(row.pk)
    # A draft's lines may go away again.
    kind.objects.filter(invoice=invoice).exclude(pk__in=kept).delete()
