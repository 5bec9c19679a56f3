"""Writing the ledger: what was invoiced, paid, refunded and used."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Organisation
from billing.ledger.models import Invoice, InvoiceLine, Payment, Refund, UsageCost
from billing.ledger.records import (
    InvoiceRecord,
    LineRecord,
    PaymentRecord,
    RefundRecord,
)
from contracts.billing import InvoicePaid, PaymentFailed, PaymentRefunded
from contracts.inference import UsageAggregated
from outbox import publish

ALMOST_A_SECOND = timedelta(microseconds=999_999)
COUNTED_REFUNDS = {"succeeded", "pending", "requires_action"}


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

    revenue = without_tax(record.amount_paid, tax=record.tax, total=record.total)
    is_paid = record.paid_at is not None and revenue > 0
    was_paid = known is not None and known.paid_at is not None and known.revenue > 0
    is_first = is_paid and _takes_first_place(record, organisation_id=organisation_id)
    values = asdict(record)
    for name in ("stripe_id", "lines", "payments"):
        del values[name]
    invoice, _ = Invoice.objects.update_or_create(
        stripe_id=record.stripe_id,
        defaults={
            **values,
            "organisation_id": organisation_id,
            "user_id": user_id or (known.user_id if known else None),
            "revenue": revenue,
            "is_first": is_first,
            "fetched_at": fetched_at,
        },
    )
    _replace_lines(invoice, record.lines)
    _record_payments(invoice, record.payments)

    if is_paid and not was_paid:
        publish(
            InvoicePaid(
                organisation_id=organisation_id,
                invoice_id=invoice.pk,
                amount=revenue,
                currency=record.currency,
                is_first=is_first,
                user_id=invoice.user_id,
                occurred_at=_end_of_second(record.paid_at),
            )
        )
    earlier_attempts = known.attempt_count if known else 0
    if (
        record.status == Invoice.Status.OPEN
        and record.attempt_count > earlier_attempts
        and not is_paid
    ):
        publish(PaymentFailed(organisation_id=organisation_id, invoice_id=invoice.pk))
    return invoice


@transaction.atomic
def record_refund(record: RefundRecord, *, invoice: Invoice) -> Refund:
    """Bring one refund up to ``record`` and the invoice's sum with it.

    The invoice row is locked. A refund is told once, when it first counts.
    """
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    refund, _ = Refund.objects.update_or_create(
        stripe_id=record.stripe_id,
        defaults={
            "invoice": locked,
            "status": record.status,
            "reason": record.reason,
            "amount": record.amount,
            "revenue": without_tax(record.amount, tax=locked.tax, total=locked.total),
            "refunded_at": record.refunded_at,
        },
    )
    counted = locked.refunds.filter(status__in=COUNTED_REFUNDS)
    locked.amount_refunded = counted.aggregate(sum=Sum("amount"))["sum"] or 0
    locked.save(update_fields=["amount_refunded"])
    if refund.status == "succeeded" and refund.counted_at is None:
        refund.counted_at = timezone.now()
        refund.save(update_fields=["counted_at"])
        publish(
            PaymentRefunded(
                organisation_id=locked.organisation_id,
                invoice_id=locked.pk,
                amount=refund.revenue,
                currency=locked.currency,
                occurred_at=_end_of_second(record.refunded_at),
            )
        )
    return refund


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


def without_tax(amount: int, *, tax: int, total: int) -> int:
    """Return the part of ``amount`` that is not tax, rounded down to a minor unit."""
    if not tax or total <= 0:
        return amount
    return amount * (total - tax) // total


def _takes_first_place(record: InvoiceRecord, *, organisation_id: int) -> bool:
    """Tell whether no invoice was paid before this one; a later one steps back."""
    first = Invoice.objects.filter(organisation_id=organisation_id, is_first=True)
    holder = first.exclude(stripe_id=record.stripe_id).first()
    if holder is None:
        return True
    # Within one second, which is all Stripe tells, the numbers know the order.
    if (holder.paid_at, holder.number) <= (record.paid_at, record.number):
        return False
    first.update(is_first=False)
    return True


def _end_of_second(moment: datetime | None) -> str:
    """Return when money moved; Stripe's clock knows whole seconds.

    It is somewhere in that second: taking its end keeps what led to the payment,
    and is timed more finely, from coming after it.
    """
    if moment is None:
        return ""
    return (moment.replace(microsecond=0) + ALMOST_A_SECOND).isoformat()


def _replace_lines(invoice: Invoice, lines: Iterable[LineRecord]) -> None:
    kept = []
    for line in lines:
        values = asdict(line)
        row, _ = InvoiceLine.objects.update_or_create(
            stripe_id=values.pop("stripe_id"), defaults={**values, "invoice": invoice}
        )
        kept.append(row.pk)
    # A draft's lines may go away again.
    invoice.lines.exclude(pk__in=kept).delete()


def _record_payments(invoice: Invoice, payments: Iterable[PaymentRecord]) -> None:
    for payment in payments:
        values = asdict(payment)
        Payment.objects.update_or_create(
            stripe_id=values.pop("stripe_id"), defaults={**values, "invoice": invoice}
        )
