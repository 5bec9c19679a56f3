"""Recurring revenue of a range, the rows behind it, and revenue by cohort."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Least

from billing.conversion.currency import dollar_rate
from billing.conversion.ranges import DayRange
from billing.conversion.reasons import Missing
from billing.conversion.stats.recurring import Ratio, Recurring
from billing.ledger.models import Invoice, Refund, UsageCost
from billing.subscriptions.models import MrrMovement
from billing.subscriptions.movements import revenue_steps
from core.money import minor_to_nano

# A year of columns fits a screen that scrolls; older cohorts are in the CSV of rows.
MONTHS = 12


def standings(start: datetime, end: datetime) -> QuerySet[Any, dict[str, Any]]:
    """Return what each organisation paid a month at ``start`` and ``end``.

    Rows of ``organisation``, ``was`` and ``now`` in minor units of the reporting
    currency; who never paid is not among them.
    """
    change = F("after") - F("before")
    found: QuerySet[Any, Any] = (
        MrrMovement.objects.filter(
            currency=settings.REPORTING_CURRENCY, occurred_at__lt=end
        )
        .values("organisation", "organisation__name", "organisation__slug")
        .annotate(
            was=Sum(change, filter=Q(occurred_at__lt=start), default=0),
            now=Sum(change, default=0),
        )
        .order_by("organisation")
    )
    return found


def recurring(days: DayRange) -> Recurring:
    """Return how the recurring revenue moved in a range. Two queries."""
    currency = settings.REPORTING_CURRENCY
    steps = revenue_steps(days.start, days.end, currency=currency)
    paid_then = Q(was__gt=0)
    sums = standings(days.start, days.end).aggregate(
        kept=Sum("now", filter=paid_then, default=0),
        kept_at_most=Sum(Least("was", "now"), filter=paid_then, default=0),
        payers_start=Count("organisation", filter=paid_then),
        payers_lost=Count("organisation", filter=paid_then & Q(now__lte=0)),
        payers_end=Count("organisation", filter=Q(now__gt=0)),
    )
    return Recurring(
        start=steps.start,
        new=steps.new,
        reactivation=steps.reactivation,
        expansion=steps.expansion,
        contraction=-steps.contraction,
        churn=-steps.churn,
        end=steps.end,
        **{name: int(value) for name, value in sums.items()},
    )


def gross_margin(days: DayRange) -> Ratio:
    """Return the share of net revenue that model costs left over. Three queries."""
    rate = dollar_rate()
    if rate is None:
        return Missing.NO_RATE
    own, span = settings.REPORTING_CURRENCY, (days.start, days.end)
    paid = Invoice.objects.paid().filter(
        currency=own, paid_at__gte=span[0], paid_at__lt=span[1]
    )
    gone = Refund.objects.gone().filter(
        invoice__currency=own, refunded_at__gte=span[0], refunded_at__lt=span[1]
    )
    usage = UsageCost.objects.filter(window__gte=span[0], window__lt=span[1])
    revenue = int(paid.aggregate(sum=Sum("revenue", default=0))["sum"])
    revenue -= int(gone.aggregate(sum=Sum("revenue", default=0))["sum"])
    if revenue <= 0:
        return Missing.NOBODY_PAID
    cost = rate.convert(int(usage.aggregate(sum=Sum("cost_nano", default=0))["sum"]))
    whole = minor_to_nano(revenue, own)
    return Fraction(whole - cost, whole)


@dataclass(frozen=True, slots=True)
class RevenueCohort:
    """Organisations that first paid in one month, and their net revenue since.

    ``amounts`` is by months later, in minor units of the reporting currency; empty
    where the month has not come yet.
    """

    month: date
    organisations: int
    amounts: tuple[int | None, ...]

    @property
    def total(self) -> int:
        return sum(amount or 0 for amount in self.amounts)


def revenue_cohorts(today: date) -> list[RevenueCohort]:
    """Return the last twelve months' cohorts, the newest first. Two queries.

    Refunds count in the month they were made; other currencies at their fixed rates,
    each row rounded by itself.
    """
    zone = settings.REPORTING_TIME_ZONE
    newest = today.year * 12 + today.month - 1
    values: dict[str, str | int] = {
        "zone": zone,
        "own": settings.REPORTING_CURRENCY,
        "oldest": newest - MONTHS + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, values)
        people = dict(cursor.fetchall())
        cursor.execute(_EARNED, values)
        sums = {(born, later): int(sum_) for born, later, sum_ in cursor.fetchall()}
    return [
        RevenueCohort(
            date(born // 12, born % 12 + 1, 1),
            people[born],
            tuple(
                sums.get((born, later), 0) if born + later <= newest else None
                for later in range(MONTHS)
            ),
        )
        for born in sorted(people, reverse=True)
    ]


# A month as a number, so that months can be subtracted.
_MONTH = (
    "(extract(year FROM {at} AT TIME ZONE %(zone)s) * 12"
    " + extract(month FROM {at} AT TIME ZONE %(zone)s) - 1)::int"
)
_BORN = _MONTH.format(at="account.first_paid_at")
_COUNTED = (
    f"SELECT {_BORN} AS born, count(*) FROM conversion_account account"  # noqa: S608 - our own words
    f" WHERE account.first_paid_at IS NOT NULL AND {_BORN} >= %(oldest)s GROUP BY born"
)
_EARNED = (
    "WITH moved AS ("  # noqa: S608 - our own words
    " SELECT invoice.id, invoice.organisation_id, invoice.currency,"
    "  invoice.paid_at AS at, invoice.revenue AS amount FROM ledger_invoice invoice"
    "  WHERE invoice.paid_at IS NOT NULL AND invoice.revenue > 0"
    " UNION ALL"
    " SELECT invoice.id, invoice.organisation_id, invoice.currency,"
    "  refund.refunded_at, -refund.revenue FROM ledger_refund refund"
    "  JOIN ledger_invoice invoice ON invoice.id = refund.invoice_id"
    "  WHERE refund.counted_at IS NOT NULL)"
    f" SELECT {_BORN} AS born, {_MONTH.format(at='moved.at')} - {_BORN} AS later,"
    "  sum(CASE WHEN moved.currency = %(own)s THEN moved.amount ELSE"
    "   coalesce(round(moved.amount::numeric * rated.factor_nano / 1000000000), 0) END)"
    " FROM moved JOIN conversion_account account"
    "  ON account.organisation_id = moved.organisation_id"
    " LEFT JOIN conversion_foreigninvoice rated ON rated.invoice_id = moved.id"
    f" WHERE account.first_paid_at IS NOT NULL AND {_BORN} >= %(oldest)s"
    " GROUP BY born, later"
)
