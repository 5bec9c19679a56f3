"""N, α, p, c and π of a cohort, counted from the developers themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db.models import Count, F, FloatField, Q, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce

from billing.conversion.currency import dollar_rate
from billing.conversion.models import Developer
from billing.conversion.stats import Interval, sum_interval, wilson_interval
from core.money import NANO, minor_per_unit, minor_to_nano

# With 5 % who pay, about ten of them: fewer leave the mean to one invoice.
ENOUGH_FOR_PROFIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Developers who became active in a range, and what became of them.

    Money: ``revenue`` in minor units, the three costs in billionths of a US dollar;
    properties are in the reporting currency, and ``None`` without a rate to it where
    costs are part of them. ``matured`` counts
    those whose conversion window is over, ``matured_converters`` those of them
    who paid within it, ``early_converters`` those who had paid by the moment a
    comparison is made at.
    """

    source: str
    developers: int = 0
    converters: int = 0
    early_converters: int = 0
    matured: int = 0
    matured_converters: int = 0
    revenue: int = 0
    cost_nano: int = 0
    converters_cost_nano: int = 0
    # Of each developer's profit in units of money, squared: what its spread is from.
    profit_squares: float = 0.0

    def __add__(self, other: Self) -> "Cohort":
        summed = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(self)
            if field.name != "source"
        }
        return Cohort(source="", **summed)

    @property
    def share(self) -> float | None:
        """α so far: those who have paid at all, of all."""
        return self.converters / self.developers if self.developers else None

    @property
    def early_share(self) -> float | None:
        """α as it stood at the moment of comparison."""
        return self.early_converters / self.developers if self.developers else None

    @property
    def share_interval(self) -> Interval | None:
        return wilson_interval(self.converters, self.developers)

    @property
    def matured_share(self) -> float | None:
        """α within the window, of those whose window is over."""
        return self.matured_converters / self.matured if self.matured else None

    @property
    def matured_interval(self) -> Interval | None:
        return wilson_interval(self.matured_converters, self.matured)

    @property
    def price_nano(self) -> int | None:
        """p: net paid revenue per converter."""
        return _per(self.revenue_nano, self.converters)

    @property
    def revenue_nano(self) -> int:
        return minor_to_nano(self.revenue, settings.REPORTING_CURRENCY)

    @property
    def paid_cost_nano(self) -> int | None:
        """c of the formula: what converters' own usage cost, per converter."""
        return _per(_converted(self.converters_cost_nano), self.converters)

    @property
    def full_cost_nano(self) -> int | None:
        """c with the free tier included: all cost, per converter."""
        return _per(_converted(self.cost_nano), self.converters)

    @property
    def profit_nano(self) -> int | None:
        """π: revenue less everything the cohort's usage cost, free tier included."""
        cost = _converted(self.cost_nano)
        return None if cost is None else self.revenue_nano - cost

    @property
    def profit_interval(self) -> Interval | None:
        """π's interval in billionths; ``None`` for too few to tell.

        Few people pay and some pay much: below ``ENOUGH_FOR_PROFIT`` Student's
        interval would promise more than it keeps.
        """
        profit = self.profit_nano
        if profit is None or self.developers < ENOUGH_FOR_PROFIT:
            return None
        found = sum_interval(self.developers, profit / NANO, self.profit_squares)
        return found and Interval(low=found.low * NANO, high=found.high * NANO)

    @property
    def formula_profit_nano(self) -> int | None:
        """α·(p − c)·N with the converters' own cost only."""
        cost = _converted(self.converters_cost_nano)
        return None if cost is None else self.revenue_nano - cost


def cohorts_by_source(
    start: datetime,
    end: datetime,
    *,
    window: timedelta,
    as_of: datetime,
    paid_by: datetime | None = None,
) -> list[Cohort]:
    """Return one cohort per source for developers active in ``[start, end)``.

    ``paid_by`` is the moment of comparison, now when left out: an earlier range is
    looked at as it stood when it was as old as this one. One query, sorted by size.
    """
    paid = Q(paid_at__isnull=False)
    is_matured = Q(signed_up_at__lte=as_of - window)
    rows = (
        Developer.objects.counted()
        .between("activated_at", start, end)
        .values("source")
        .annotate(
            developers=Count("pk"),
            converters=Count("pk", filter=paid),
            early_converters=Count("pk", filter=Q(paid_at__lte=paid_by or as_of)),
            matured=Count("pk", filter=is_matured),
            matured_converters=Count(
                "pk",
                filter=is_matured & Q(paid_at__lte=F("signed_up_at") + window),
            ),
            total_revenue=Coalesce(Sum("revenue"), 0),
            total_cost=Coalesce(Sum("cost_nano"), 0),
            squares=Coalesce(Sum(_profit() * _profit()), 0.0),
            converters_cost=Coalesce(Sum("cost_nano", filter=paid), 0),
        )
        .order_by("-developers", "source")
    )
    return [_cohort(row) for row in rows]


def total(cohorts: Iterable[Cohort]) -> Cohort:
    """Add cohorts up; their profits sum to the total's exactly."""
    return sum(cohorts, Cohort(source=""))


def _cohort(row: Mapping[str, Any]) -> Cohort:
    return Cohort(
        source=row["source"],
        developers=row["developers"],
        converters=row["converters"],
        early_converters=row["early_converters"],
        matured=row["matured"],
        matured_converters=row["matured_converters"],
        revenue=int(row["total_revenue"]),
        cost_nano=int(row["total_cost"]),
        converters_cost_nano=int(row["converters_cost"]),
        profit_squares=row["squares"],
    )


def _profit() -> Combinable:
    """Each developer's profit in units; as floats, for squares outgrow integers."""
    units = float(minor_per_unit(settings.REPORTING_CURRENCY))
    rate = dollar_rate()
    cost_units = NANO / float(rate.value) if rate else float(NANO)
    revenue = Cast("revenue", FloatField()) / units
    return revenue - Cast("cost_nano", FloatField()) / cost_units


def _converted(cost_nano: int) -> int | None:
    rate = dollar_rate()
    return None if rate is None else rate.convert(cost_nano)


def _per(amount: int | None, count: int) -> int | None:
    return round(amount / count) if count and amount is not None else None
