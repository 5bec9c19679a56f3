"""How a range went day by day."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate

from billing.conversion.models import Developer
from billing.conversion.ranges import DayRange, reporting_zone


@dataclass(frozen=True, slots=True)
class Day:
    """Developers who became active, and who paid first, on one day."""

    on: date
    activated: int
    paid: int


def daily_trend(days: DayRange, *, source: str = "") -> list[Day]:
    """Return one row per day of the range, days without anybody included."""
    counted = Developer.objects.counted()
    if source:
        counted = counted.filter(source=source)

    def per_day(milestone: str) -> dict[date, int]:
        rows = (
            counted.between(milestone, days.start, days.end)
            .annotate(on=TruncDate(milestone, tzinfo=reporting_zone()))
            .values_list("on")
            .annotate(Count("pk"))
        )
        return dict(rows.values_list("on", "pk__count"))

    activated, paid = per_day("activated_at"), per_day("paid_at")
    all_days = (days.first + timedelta(days=offset) for offset in range(days.days))
    return [Day(on, activated.get(on, 0), paid.get(on, 0)) for on in all_days]
