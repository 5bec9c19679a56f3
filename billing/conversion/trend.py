"""How a range went day by day."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.db.models.functions import TruncDate

from billing.conversion.ranges import DayRange, reporting_zone
from billing.conversion.units import CountedUnit, population


@dataclass(frozen=True, slots=True)
class Day:
    """Units that became active, and that paid first, on one day."""

    on: date
    activated: int
    paid: int


def daily_trend(
    days: DayRange, *, unit: CountedUnit = CountedUnit.PERSON, source: str | None = None
) -> list[Day]:
    """Return one row per day of the range, days without anybody included. One query."""
    counted = population(unit)
    if source is not None:
        counted = counted.filter(source=source)

    def per_day(milestone: str) -> QuerySet[Any, Any]:
        found: QuerySet[Any, Any] = (
            counted.between(milestone, days.start, days.end)
            .annotate(
                milestone=Value(milestone),
                on=TruncDate(milestone, tzinfo=reporting_zone()),
            )
            .values_list("milestone", "on")
            .annotate(people=Count("pk"))
            .order_by()
        )
        return found

    people = {
        (milestone, on): count
        for milestone, on, count in per_day("activated_at").union(
            per_day("paid_at"), all=True
        )
    }
    all_days = (days.first + timedelta(days=offset) for offset in range(days.days))
    return [
        Day(on, people.get(("activated_at", on), 0), people.get(("paid_at", on), 0))
        for on in all_days
    ]


@dataclass(frozen=True, slots=True)
class Bar:
    """A day, or the days of a week, of a long range."""

    first: date
    last: date
    activated: int
    paid: int


# More days than this and a bar would be too thin to point at.
MOST_BARS = 100


def bars_of(days: list[Day]) -> list[Bar]:
    """Return one bar per day, or per week of a range too long for that."""
    width = 1 if len(days) <= MOST_BARS else 7
    chunks = [days[start : start + width] for start in range(0, len(days), width)]
    return [
        Bar(
            first=chunk[0].on,
            last=chunk[-1].on,
            activated=sum(day.activated for day in chunk),
            paid=sum(day.paid for day in chunk),
        )
        for chunk in chunks
    ]
