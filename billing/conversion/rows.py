"""The rows behind the numbers: who, what they paid, what serving them cost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from billing.conversion.models import Account, Developer, DeveloperQuerySet
from billing.conversion.ranges import DayRange
from billing.ledger.models import Invoice, Refund, UsageCost


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSums:
    """What the invoices of a list add up to, in minor units without tax."""

    invoices: int
    paid: int
    refunded: int

    @property
    def net(self) -> int:
        return self.paid - self.refunded


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """What calls of one model cost in all, in billionths."""

    model: str
    edition: str
    requests: int
    tokens_in: int
    tokens_out: int
    price_nano: int
    cost_nano: int


def cohort(
    days: DayRange,
    step: str,
    *,
    window: timedelta,
    as_of: datetime,
    source: str = "",
    is_funnel: bool = False,
) -> DeveloperQuerySet:
    """Return the developers a number of the home page counts."""
    developers = Developer.objects.counted()
    if step in {"converters", "matured", "matured_converters"}:
        developers = developers.between("activated_at", days.start, days.end)
        if step == "converters":
            developers = developers.filter(paid_at__isnull=False)
        else:
            developers = developers.filter(signed_up_at__lte=as_of - window)
        if step == "matured_converters":
            developers = developers.filter(paid_at__lte=F("signed_up_at") + window)
    elif is_funnel:
        developers = developers.reached_in_order(
            step, days.start, days.end, window=window
        )
    else:
        developers = developers.between(step, days.start, days.end)
    return developers.filter(source=source) if source else developers


def invoices_of(developers: DeveloperQuerySet) -> QuerySet[Invoice]:
    """Return the paid invoices that are put down to ``developers``.

    Each knows what went back of it, without tax, as ``refunded``.
    """
    counted = Q(refunds__counted_at__isnull=False)
    return (
        Invoice.objects.paid()
        .filter(
            currency=settings.REPORTING_CURRENCY,
            organisation__in=_organisations_of(developers),
        )
        .annotate(refunded=Coalesce(Sum("refunds__revenue", filter=counted), Value(0)))
    )


def sums_of(invoices: QuerySet[Invoice]) -> InvoiceSums:
    """Add up a list of ``invoices_of``. Two queries."""
    received = invoices.aggregate(paid=Sum("revenue"), count=Count("pk"))
    returned = Refund.objects.filter(
        counted_at__isnull=False, invoice__in=invoices.values("pk")
    ).aggregate(sum=Sum("revenue"))
    return InvoiceSums(
        invoices=received["count"],
        paid=int(received["paid"] or 0),
        refunded=int(returned["sum"] or 0),
    )


def usage_of(developers: DeveloperQuerySet) -> QuerySet[UsageCost]:
    """Return what serving ``developers`` cost, a row per hour and model."""
    return UsageCost.objects.filter(organisation__in=_organisations_of(developers))


def costs_by_model(usage: QuerySet[UsageCost]) -> list[ModelCost]:
    """Return what each model cost, the dearest first."""
    rows = usage.values("model", "edition").annotate(
        Sum("requests"),
        Sum("tokens_in"),
        Sum("tokens_out"),
        Sum("price_nano"),
        Sum("cost_nano"),
    )
    costs = [
        ModelCost(
            model=row["model"],
            edition=row["edition"],
            requests=int(row["requests__sum"]),
            tokens_in=int(row["tokens_in__sum"]),
            tokens_out=int(row["tokens_out__sum"]),
            price_nano=int(row["price_nano__sum"]),
            cost_nano=int(row["cost_nano__sum"]),
        )
        for row in rows.order_by()
    ]
    return sorted(costs, key=lambda cost: (-cost.cost_nano, cost.model))


def _organisations_of(developers: DeveloperQuerySet) -> "QuerySet[Account, int]":
    accounts = Account.objects.filter(developer__in=developers.values("pk"))
    return cast("QuerySet[Account, int]", accounts.values("pk"))
