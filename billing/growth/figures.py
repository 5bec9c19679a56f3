"""How often each moment occurred and each offer was made, and what followed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q
from django.db.models.functions import TruncMonth

from billing.growth.models import Decision
from billing.growth.moments import RULES, Moment, MomentRule

Reason = Decision.Reason
_OFFERED = Q(reason=Reason.OFFERED)
_KEPT = Q(reason__in=set(Decision.COMPARED) - {Reason.OFFERED})
# What is counted of decisions, and which of them: a page lists them by the same words.
COUNTED: dict[str, Q] = {
    "occurred": Q(),
    "offered": _OFFERED,
    "held_out": _KEPT,
    "nothing": ~_OFFERED & ~_KEPT,
    "seen": Q(seen_at__isnull=False),
    "accepted": Q(accepted_at__isnull=False),
    "paid": _OFFERED & Q(paid_at__isnull=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many decisions there were, and of what kind; each of ``COUNTED``."""

    occurred: int = 0
    offered: int = 0
    held_out: int = 0
    nothing: int = 0
    seen: int = 0
    accepted: int = 0
    paid: int = 0

    def __add__(self, other: Self) -> "Counts":
        return Counts(
            **{name: getattr(self, name) + getattr(other, name) for name in COUNTED}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentFigures(Counts):
    """One moment in a range: decisions by their reason, and what came after them."""

    moment: Moment
    rule: MomentRule


def moment_figures(start: datetime, end: datetime) -> list[MomentFigures]:
    """Return every moment in ``[start, end)``, those that never occurred as well."""
    rows = (
        Decision.objects.filter(decided_at__gte=start, decided_at__lt=end)
        .values("moment")
        .annotate(**_counted())
        .values("moment", *COUNTED)
    )
    found = {row.pop("moment"): row for row in rows}
    return [
        MomentFigures(moment=moment, rule=RULES[moment], **found.get(moment, {}))
        for moment in Moment
    ]


def offer_counts(start: datetime, end: datetime) -> dict[int, Counts]:
    """Return what was decided of each offer that was chosen, by the offer's key."""
    rows = (
        Decision.objects.filter(
            decided_at__gte=start, decided_at__lt=end, intended__isnull=False
        )
        .values("intended_id")
        .annotate(**_counted())
        .values("intended_id", *COUNTED)
    )
    return {row.pop("intended_id"): Counts(**row) for row in rows}


def month_counts(start: datetime, end: datetime) -> dict[tuple[int, int], Counts]:
    """Return what was decided in each month of a range, by year and month."""
    rows = (
        Decision.objects.filter(decided_at__gte=start, decided_at__lt=end)
        .annotate(
            in_month=TruncMonth(
                "decided_at", tzinfo=ZoneInfo(settings.REPORTING_TIME_ZONE)
            )
        )
        .values("in_month")
        .annotate(**_counted())
        .values("in_month", *COUNTED)
    )
    found = {}
    for row in rows:
        month = row.pop("in_month")
        found[month.year, month.month] = Counts(**row)
    return found


def _counted() -> dict[str, Count]:
    return {name: Count("pk", filter=which) for name, which in COUNTED.items()}
