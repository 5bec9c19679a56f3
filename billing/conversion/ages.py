"""An earlier range as it stood when it was as old as the one it is compared with."""

from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from billing.conversion.figures import Cohort
from billing.conversion.models import Account, ForeignInvoice
from billing.conversion.rates import Factor
from billing.conversion.rows import organisations_of
from billing.conversion.units import CountedUnit, population
from billing.ledger.models import Invoice, Refund, UsageCost

Organisations = QuerySet[Account, int]


def cohort_as_of(
    start: datetime,
    end: datetime,
    *,
    by: datetime,
    unit: CountedUnit = CountedUnit.PERSON,
    source: str | None = None,
) -> Cohort:
    """Return the units active in ``[start, end)`` as they stood at ``by``.

    Payments, refunds and usage after ``by`` are left out, by the ledger's dates. Money
    is put down to people as it is today. Five queries, whatever their number.
    """
    people = population(unit).between("activated_at", start, end)
    if source is not None:
        people = people.filter(source=source)
    counted = people.aggregate(
        developers=Count("pk"), converters=Count("pk", filter=Q(paid_at__lte=by))
    )
    theirs = organisations_of(people)
    usage = UsageCost.objects.filter(organisation__in=theirs, window__lte=by)
    return Cohort(
        source=source or "",
        developers=counted["developers"],
        converters=counted["converters"],
        revenue=_own_revenue(theirs, by) + _foreign_revenue(theirs, by),
        cost_nano=int(usage.aggregate(sum=Sum("cost_nano", default=0))["sum"]),
    )


def _own_revenue(theirs: Organisations, by: datetime) -> int:
    currency = settings.REPORTING_CURRENCY
    paid = Invoice.objects.paid().filter(
        organisation__in=theirs, currency=currency, paid_at__lte=by
    )
    gone = Refund.objects.gone().filter(
        invoice__organisation__in=theirs,
        invoice__currency=currency,
        refunded_at__lte=by,
    )
    received = paid.aggregate(sum=Sum("revenue", default=0))["sum"]
    returned = gone.aggregate(sum=Sum("revenue", default=0))["sum"]
    return int(received) - int(returned)


def _foreign_revenue(theirs: Organisations, by: datetime) -> int:
    """Convert each foreign invoice at its own rate; few are in another currency."""
    gone = Q(
        invoice__refunds__counted_at__isnull=False,
        invoice__refunds__refunded_at__lte=by,
    )
    rated = ForeignInvoice.objects.filter(
        account__in=theirs, invoice__paid_at__lte=by, factor_nano__isnull=False
    ).annotate(returned=Coalesce(Sum("invoice__refunds__revenue", filter=gone), 0))
    rows = rated.values_list("factor_nano", "rate_on", "invoice__revenue", "returned")
    return sum(
        Factor(nano, on).convert(paid - int(returned))
        for nano, on, paid, returned in rows.iterator()
        if nano is not None and on is not None
    )
