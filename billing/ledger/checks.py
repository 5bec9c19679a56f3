"""What must be true of the ledger at any time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import Count, F, Max, Min, Q, Sum
from django.db.models.functions import Coalesce

from billing.ledger.models import Invoice, Refund, UsageCost
from billing.ledger.services import GONE, LEAVING, without_tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One row that breaks a rule."""

    rule: str
    subject: str
    detail: str


Check = Callable[[], Iterator[Violation]]


def lines_add_up() -> Iterator[Violation]:
    """An invoice's lines add up to its subtotal."""
    invoices = Invoice.objects.annotate(sum=Sum("lines__amount"), count=Count("lines"))
    wrong = invoices.filter(~Q(sum=F("subtotal")), count__gt=0)
    for stripe_id, total, subtotal in wrong.values_list("stripe_id", "sum", "subtotal"):
        yield Violation(
            rule="lines_add_up",
            subject=stripe_id,
            detail=f"lines {total}, subtotal {subtotal}",
        )


def totals_add_up() -> Iterator[Violation]:
    """Subtotal less discount plus tax is the total."""
    wrong = Invoice.objects.exclude(total=F("subtotal") - F("discount") + F("tax"))
    for invoice in wrong:
        yield Violation(
            rule="totals_add_up",
            subject=invoice.stripe_id,
            detail=f"{invoice.subtotal} - {invoice.discount} + {invoice.tax}"
            f" is not {invoice.total}",
        )


def revenue_is_paid_without_tax() -> Iterator[Violation]:
    """Revenue is what was paid, less its share of tax."""
    for invoice in Invoice.objects.filter(amount_paid__gt=0).iterator():
        expected = without_tax(
            invoice.amount_paid, tax=invoice.tax, total=invoice.total
        )
        if invoice.revenue != expected:
            yield Violation(
                rule="revenue_is_paid_without_tax",
                subject=invoice.stripe_id,
                detail=f"{invoice.revenue}, expected {expected}",
            )


def refunds_add_up() -> Iterator[Violation]:
    """What went back is the sum of the refunds, and no more than was paid."""
    counted = Q(pk__in=[])
    for kind, status in GONE | LEAVING:
        counted |= Q(refunds__kind=kind, refunds__status=status)
    invoices = Invoice.objects.annotate(
        sum=Coalesce(Sum("refunds__amount", filter=counted), 0)
    )
    wrong = invoices.exclude(sum=F("amount_refunded"))
    for stripe_id, total, refunded in wrong.values_list(
        "stripe_id", "sum", "amount_refunded"
    ):
        yield Violation(
            rule="refunds_add_up",
            subject=stripe_id,
            detail=f"refunds {total}, invoice {refunded}",
        )
    for stripe_id, back, paid in Invoice.objects.filter(
        amount_refunded__gt=F("amount_paid")
    ).values_list("stripe_id", "amount_refunded", "amount_paid"):
        yield Violation(
            rule="refunds_add_up",
            subject=stripe_id,
            detail=f"{back} went back of {paid}",
        )
    for refund in Refund.objects.filter(revenue__gt=F("amount")):
        yield Violation(
            rule="refunds_add_up",
            subject=refund.stripe_id,
            detail="more revenue than money",
        )


def payments_do_not_exceed() -> Iterator[Violation]:
    """Payments that arrived add up to no more than was paid."""
    arrived = Q(payments__status="paid")
    invoices = Invoice.objects.annotate(
        sum=Coalesce(Sum("payments__amount", filter=arrived), 0)
    )
    wrong = invoices.filter(sum__gt=F("amount_paid"))
    for stripe_id, total, paid in wrong.values_list("stripe_id", "sum", "amount_paid"):
        yield Violation(
            rule="payments_do_not_exceed",
            subject=stripe_id,
            detail=f"payments {total}, paid {paid}",
        )


def numbers_are_unique() -> Iterator[Violation]:
    """No two invoices have the same number."""
    twice = Invoice.objects.exclude(number="").values("number")
    for row in twice.annotate(count=Count("pk")).filter(count__gt=1).order_by():
        yield Violation(
            rule="numbers_are_unique",
            subject=row["number"],
            detail=f"{row['count']} invoices",
        )


def one_first_invoice() -> Iterator[Violation]:
    """An organisation that paid has exactly one first invoice."""
    paying = Invoice.objects.paid().values("organisation_id")
    without = paying.annotate(first=Count("pk", filter=Q(is_first=True)))
    for row in without.exclude(first=1).order_by():
        yield Violation(
            rule="one_first_invoice",
            subject=f"organisation {row['organisation_id']}",
            detail=f"{row['first']} first invoices",
        )


def usage_has_no_gaps() -> Iterator[Violation]:
    """The revisions of a window are numbered without a gap."""
    windows = UsageCost.objects.values("organisation_id", "model", "edition", "window")
    for row in windows.annotate(
        low=Min("revision"), high=Max("revision"), count=Count("pk")
    ).order_by():
        if row["high"] - row["low"] + 1 != row["count"]:
            yield Violation(
                rule="usage_has_no_gaps",
                subject=f"organisation {row['organisation_id']} {row['model']}",
                detail=f"{row['window']}: {row['count']} of {row['high']} revisions",
            )


CHECKS: tuple[Check, ...] = (
    lines_add_up,
    totals_add_up,
    revenue_is_paid_without_tax,
    refunds_add_up,
    payments_do_not_exceed,
    numbers_are_unique,
    one_first_invoice,
    usage_has_no_gaps,
)
