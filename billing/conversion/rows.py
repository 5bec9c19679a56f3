"""The rows behind the numbers: who, what they paid, what serving them cost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from billing.conversion.figures import MaturedRange
from billing.conversion.models import Account, AccountQuerySet, ForeignInvoice
from billing.conversion.ranges import DayRange
from billing.conversion.units import CountedUnit, Population, population
from billing.ledger.models import Invoice, Refund, UsageCost


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSums:
    """What the invoices of a list add up to, in minor units without tax.

    ``paid`` and ``refunded`` are in the reporting currency, ``foreign`` is what those
    in other ones came to in it.
    """

    invoices: int
    paid: int
    refunded: int
    foreign: int

    @property
    def net(self) -> int:
        return self.paid - self.refunded + self.foreign


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
    unit: CountedUnit = CountedUnit.PERSON,
    source: str | None = None,
    is_funnel: bool = False,
) -> Population:
    """Return the units a number of the home page counts."""
    people = population(unit)
    if step == "converters":
        people = people.between("activated_at", days.start, days.end)
        people = people.filter(paid_at__isnull=False)
    elif step in {"matured", "matured_converters"}:
        matured = MaturedRange.of(days.start, days.end, window=window, as_of=as_of)
        people = people.between("activated_at", matured.start, matured.end)
        if step == "matured_converters":
            people = people.filter(paid_at__lte=F("activated_at") + window)
    elif is_funnel:
        people = people.reached_in_order(step, days.start, days.end, window=window)
    else:
        people = people.between(step, days.start, days.end)
    return people if source is None else people.filter(source=source)


def invoices_of(people: Population) -> QuerySet[Invoice]:
    """Return the paid invoices that are put down to ``people``.

    Each knows what went back of it, without tax, as ``refunded``, and what it counts as
    in the reporting currency as ``counted``: nothing while its rate is not known.
    """
    gone = Q(refunds__counted_at__isnull=False)
    converted = ForeignInvoice.objects.filter(invoice=OuterRef("pk"))
    return (
        Invoice.objects.paid()
        .filter(organisation__in=organisations_of(people))
        .annotate(refunded=Coalesce(Sum("refunds__revenue", filter=gone), Value(0)))
        .annotate(
            counted=Case(
                When(
                    currency=settings.REPORTING_CURRENCY,
                    then=Cast(F("revenue") - F("refunded"), BigIntegerField()),
                ),
                default=Subquery(converted.values("converted")[:1]),
            )
        )
    )


def sums_of(invoices: QuerySet[Invoice]) -> InvoiceSums:
    """Add up a list of ``invoices_of``. Three queries."""
    own = Q(currency=settings.REPORTING_CURRENCY)
    received = invoices.aggregate(paid=Sum("revenue", filter=own), count=Count("pk"))
    listed = invoices.values("pk")
    returned = Refund.objects.gone().filter(
        invoice__in=listed, invoice__currency=settings.REPORTING_CURRENCY
    )
    foreign = ForeignInvoice.objects.filter(invoice__in=listed)
    return InvoiceSums(
        invoices=received["count"],
        paid=int(received["paid"] or 0),
        refunded=int(returned.aggregate(sum=Sum("revenue"))["sum"] or 0),
        foreign=int(foreign.aggregate(sum=Sum("converted"))["sum"] or 0),
    )


def usage_of(people: Population) -> QuerySet[UsageCost]:
    """Return what serving ``people`` cost, a row per hour and model."""
    return UsageCost.objects.filter(organisation__in=organisations_of(people))


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


def organisations_of(people: Population) -> "QuerySet[Account, int]":
    """Return the numbers of the organisations that are put down to ``people``.

    Organisations are put down to themselves.
    """
    if isinstance(people, AccountQuerySet):
        accounts = Account.objects.filter(pk__in=people.values("pk"))
    else:
        accounts = Account.objects.filter(developer__in=people.values("pk"))
    return cast("QuerySet[Account, int]", accounts.values("pk"))
