"""Sums that figures are made of; days are cut in the reporting time zone."""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import TruncDate

from billing.ledger.models import Invoice, Refund, UsageCost

# Decided for us, or not taken from us.
HARMLESS_DISPUTES = (
    *("won", "prevented", "warning_needs_response", "warning_under_review"),
    "warning_closed",
)
Daily = dict[tuple[int, date], int]


def net_revenue_by_day(
    start: datetime,
    end: datetime,
    *,
    currency: str | None = None,
    organisation_ids: Iterable[int] | None = None,
) -> Daily:
    """Return minor units per organisation and day: paid, less refunds, no tax.

    A refund counts on the day it was made. Two queries.
    """
    currency = currency or settings.REPORTING_CURRENCY
    paid = Invoice.objects.paid().filter(
        currency=currency, paid_at__gte=start, paid_at__lt=end
    )
    refunded = Refund.objects.filter(
        invoice__currency=currency,
        counted_at__isnull=False,
        refunded_at__gte=start,
        refunded_at__lt=end,
    )
    if organisation_ids is not None:
        ids = list(organisation_ids)
        paid = paid.filter(organisation__in=ids)
        refunded = refunded.filter(invoice__organisation__in=ids)

    sums: Daily = {}
    for organisation, day, amount in (
        paid.annotate(day=_day("paid_at"))
        .values_list("organisation_id", "day")
        .annotate(sum=Sum("revenue"))
        .order_by()
    ):
        sums[organisation, day] = sums.get((organisation, day), 0) + amount
    for organisation, day, amount in (
        refunded.annotate(day=_day("refunded_at"))
        .values_list("invoice__organisation_id", "day")
        .annotate(sum=Sum("revenue"))
        .order_by()
    ):
        sums[organisation, day] = sums.get((organisation, day), 0) - amount
    return sums


def cost_by_day(
    start: datetime,
    end: datetime,
    *,
    organisation_ids: Iterable[int] | None = None,
) -> Daily:
    """Return what serving each organisation cost per day, in billionths."""
    costs = UsageCost.objects.filter(window__gte=start, window__lt=end)
    if organisation_ids is not None:
        costs = costs.filter(organisation__in=list(organisation_ids))
    rows = (
        costs.annotate(day=_day("window"))
        .values_list("organisation_id", "day")
        .annotate(sum=Sum("cost_nano"))
        .order_by()
    )
    return {(organisation, day): amount for organisation, day, amount in rows}


def first_paid_invoices(
    organisation_ids: Iterable[int] | None = None,
) -> dict[int, Invoice]:
    """Return each organisation's first paid invoice."""
    first = Invoice.objects.filter(is_first=True)
    if organisation_ids is not None:
        first = first.filter(organisation__in=list(organisation_ids))
    return {invoice.organisation_id: invoice for invoice in first}


def holding_dispute(subscription_stripe_id: str) -> Refund | None:
    """Return the dispute that holds a subscription's plan back, if one does.

    One that is open does, and one that was lost until something was paid again. A
    bank's question before it takes money does not.
    """
    disputes = Refund.objects.disputes().filter(
        invoice__subscription_stripe_id=subscription_stripe_id
    )
    held = disputes.exclude(status__in=HARMLESS_DISPUTES).order_by("-refunded_at")
    for dispute in held:
        if dispute.status != "lost":
            return dispute
        paid = Invoice.objects.paid().filter(
            subscription_stripe_id=subscription_stripe_id,
            paid_at__gt=dispute.refunded_at,
        )
        if not paid.exists():
            return dispute
    return None


def _day(column: str) -> TruncDate:
    return TruncDate(column, tzinfo=ZoneInfo(settings.REPORTING_TIME_ZONE))
