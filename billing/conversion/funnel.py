"""The ordered funnel: visit → sign-up → address → first call → checkout → paid.

Each step is an act of its own. "Activated" is none: it is the later of two of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Aggregate, Count, DurationField, F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from activity.queries import unlinked_visitors
from billing.conversion.stats.shares import Interval, wilson_interval
from billing.conversion.units import CountedUnit, population

STEPS: tuple[tuple[str, Promise], ...] = (
    ("first_visit_at", _("Visit")),
    ("signed_up_at", _("Sign-up")),
    ("verified_at", _("Address verified")),
    ("first_call_at", _("First API call")),
    ("checkout_at", _("Checkout")),
    ("paid_at", _("Paid")),
)


class Median(Aggregate):
    """PostgreSQL's median of an interval."""

    function = "PERCENTILE_CONT"
    name = "median"
    output_field = DurationField()
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStep:
    """One step of the funnel: how many came this far, and from the step before."""

    milestone: str
    label: Promise
    people: int
    first: int
    previous: int | None
    median: timedelta | None = None

    @property
    def overall(self) -> float | None:
        return self.people / self.first if self.first else None

    @property
    def from_previous(self) -> float | None:
        return self.people / self.previous if self.previous else None

    @property
    def interval(self) -> Interval | None:
        return (
            wilson_interval(self.people, self.previous)
            if self.previous is not None
            else None
        )


def ordered_funnel(
    start: datetime,
    end: datetime,
    *,
    window: timedelta,
    unit: CountedUnit = CountedUnit.PERSON,
    source: str | None = None,
) -> list[FunnelStep]:
    """Follow everybody whose first visit lies in ``[start, end)``.

    By organisation, every one whose first person's first visit does; a browser nobody
    has signed in with is a visit of either. A step counts when it came no earlier than
    the step before it and within ``window`` of the visit; later steps may lie after
    ``end``. Two queries.
    """
    developers = population(unit).between("first_visit_at", start, end)
    if source is not None:
        developers = developers.filter(source=source)

    aggregates: dict[str, models.Aggregate] = {"count_0": Count("pk")}
    reached = Q()
    for index, (milestone, _label) in enumerate(STEPS[1:], start=1):
        before = STEPS[index - 1][0]
        reached &= Q(**{f"{milestone}__gte": F(before)}) & Q(
            **{f"{milestone}__lte": F("first_visit_at") + window}
        )
        aggregates[f"count_{index}"] = Count("pk", filter=reached)
        aggregates[f"median_{index}"] = Median(F(milestone) - F(before), filter=reached)
    row = developers.aggregate(**aggregates)

    visits = row["count_0"] + unlinked_visitors(start, end, source=source).count()
    steps = [
        FunnelStep(
            milestone=STEPS[0][0],
            label=STEPS[0][1],
            people=visits,
            first=visits,
            previous=None,
        )
    ]
    for index, (milestone, label) in enumerate(STEPS[1:], start=1):
        steps.append(
            FunnelStep(
                milestone=milestone,
                label=label,
                people=row[f"count_{index}"],
                first=visits,
                previous=steps[-1].people,
                median=row[f"median_{index}"],
            )
        )
    return steps
