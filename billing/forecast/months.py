"""The recurring revenue month by month, of the months that are over."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from django.conf import settings
from django.db.models import F, Sum
from django.db.models.functions import TruncMonth

from billing.conversion.ranges import reporting_zone
from billing.forecast.maths.methods import GAINS, LOSSES, SERIES, Months
from billing.subscriptions.models import MrrMovement


@dataclass(frozen=True, slots=True)
class RevenueMonth:
    """What each movement came to in a month, in minor units a month.

    Losses are positive numbers; ``end`` is ``start``, what was gained and what was
    lost of it.
    """

    first: date
    start: int
    moved: dict[str, int]

    @property
    def end(self) -> int:
        gained = sum(self.moved[name] for name in GAINS)
        return self.start + gained - sum(self.moved[name] for name in LOSSES)

    def of(self, series: str) -> int:
        """Return one of ``SERIES``."""
        return self.end if series == "end" else self.moved[series]


def following(month: date, by: int = 1) -> date:
    """Return the first day of the month so many months later, or earlier."""
    count = month.year * 12 + month.month - 1 + by
    return date(count // 12, count % 12 + 1, 1)


def closed_months(today: date) -> list[RevenueMonth]:
    """Return every month from the first movement to the last one that is over.

    In the reporting time zone and currency; a month in which nothing moved is among
    them. One query.
    """
    running = today.replace(day=1)
    rows = (
        MrrMovement.objects.filter(currency=settings.REPORTING_CURRENCY)
        .annotate(month=TruncMonth("occurred_at", tzinfo=reporting_zone()))
        .values_list("month", "kind")
        .annotate(sum=Sum(F("after") - F("before")))
        .order_by("month")
    )
    sums = {(month.date(), kind): int(sum_) for month, kind, sum_ in rows}
    found: list[RevenueMonth] = []
    month, end = min((month for month, _kind in sums), default=running), 0
    while month < running:
        moved = {
            **{name: sums.get((month, name), 0) for name in GAINS},
            **{name: -sums.get((month, name), 0) for name in LOSSES},
        }
        found.append(RevenueMonth(month, end, moved))
        end, month = found[-1].end, following(month)
    return found


def as_rows(months: list[RevenueMonth]) -> Months:
    """Return months as the methods read them."""
    rows = [[each.start, *(each.of(name) for name in SERIES)] for each in months]
    return np.array(rows, dtype=np.float64).reshape(len(months), 1 + len(SERIES))
