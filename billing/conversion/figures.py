"""N, α, p, c and π of a cohort, counted from the units themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from billing.conversion.currency import dollar_rate
from billing.conversion.stats.shares import Interval, wilson_interval
from billing.conversion.units import CountedUnit, population
from core.money import minor_to_nano


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """People or organisations that became active in a range, and what came of it.

    Money: ``revenue`` in minor units, the costs in billionths of a US dollar;
    properties are in the reporting currency, and ``None`` without a rate to it where
    costs are part of them. ``matured`` counts those of the newest range of the same
    length whose conversion window is over for every one, ``matured_converters``
    those of them who paid within it.
    """

    source: str
    developers: int = 0
    converters: int = 0
    matured: int = 0
    matured_converters: int = 0
    revenue: int = 0
    cost_nano: int = 0
    converters_cost_nano: int = 0

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
    def formula_profit_nano(self) -> int | None:
        """α·(p − c)·N with the converters' own cost only."""
        cost = _converted(self.converters_cost_nano)
        return None if cost is None else self.revenue_nano - cost


def cohorts_by_source(
    start: datetime, end: datetime, *, unit: CountedUnit = CountedUnit.PERSON
) -> list[Cohort]:
    """Return one cohort per source for units active in ``[start, end)``.

    One query, sorted by size.
    """
    paid = Q(paid_at__isnull=False)
    rows = (
        population(unit)
        .between("activated_at", start, end)
        .values("source")
        .annotate(
            developers=Count("pk"),
            converters=Count("pk", filter=paid),
            total_revenue=Coalesce(Sum("revenue"), 0),
            total_cost=Coalesce(Sum("cost_nano"), 0),
            converters_cost=Coalesce(Sum("cost_nano", filter=paid), 0),
        )
        .order_by("-developers", "source")
    )
    return [_cohort(row) for row in rows]


@dataclass(frozen=True, slots=True)
class MaturedRange:
    """Times of activation, from ``start`` to before ``end``, whose window is over."""

    start: datetime
    end: datetime

    @classmethod
    def of(
        cls, start: datetime, end: datetime, *, window: timedelta, as_of: datetime
    ) -> Self:
        """Return the newest range as long as ``[start, end)`` that is old enough.

        That is the range itself once its window is over. Activation is what both the
        range and the window are counted from, so nobody is in it for being slow.
        """
        last = min(end, as_of - window)
        return cls(last - (end - start), last)

    @property
    def last(self) -> datetime:
        """The last moment that is part of it, whose day is its last."""
        return self.end - timedelta(microseconds=1)

    def previous(self) -> "MaturedRange":
        return MaturedRange(self.start - (self.end - self.start), self.start)


def matured_by_source(
    matured: MaturedRange, *, window: timedelta, unit: CountedUnit = CountedUnit.PERSON
) -> dict[str, tuple[int, int]]:
    """Return, by source, how many there are and who paid in the window. One query."""
    paid = Q(paid_at__lte=F("activated_at") + window)
    rows = (
        population(unit)
        .between("activated_at", matured.start, matured.end)
        .values("source")
        .annotate(count=Count("pk"), converters=Count("pk", filter=paid))
        .order_by()
    )
    return {row["source"]: (row["count"], row["converters"]) for row in rows}


def with_matured(
    cohorts: Iterable[Cohort], matured: Mapping[str, tuple[int, int]]
) -> list[Cohort]:
    """Return cohorts with what has matured of their source.

    A source that had people then and has none now is there as well, with nobody in N.
    """
    left = dict(matured)
    found = []
    for cohort in cohorts:
        count, converters = left.pop(cohort.source, (0, 0))
        found.append(replace(cohort, matured=count, matured_converters=converters))
    return found + [
        Cohort(source=source, matured=count, matured_converters=converters)
        for source, (count, converters) in sorted(left.items())
    ]


def total(cohorts: Iterable[Cohort]) -> Cohort:
    """Add cohorts up; their profits sum to the total's exactly."""
    return sum(cohorts, Cohort(source=""))


def _cohort(row: Mapping[str, Any]) -> Cohort:
    return Cohort(
        source=row["source"],
        developers=row["developers"],
        converters=row["converters"],
        revenue=int(row["total_revenue"]),
        cost_nano=int(row["total_cost"]),
        converters_cost_nano=int(row["converters_cost"]),
    )


def _converted(cost_nano: int) -> int | None:
    rate = dollar_rate()
    return None if rate is None else rate.convert(cost_nano)


def _per(amount: int | None, count: int) -> int | None:
    return round(amount / count) if count and amount is not None else None
