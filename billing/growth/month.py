"""What the engine did in a month: all that is read from a page that is forwarded.

Nothing is computed here: counts are of ``figures``, lifts of ``lift``. A unit counts
from its first moment of the month, and its money from then until today: so the figures
of a month go on growing, and a unit of two months is in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from billing.growth import figures, learning
from billing.growth.figures import Counts, MomentFigures
from billing.growth.lift import (
    EngineLifts,
    Lift,
    LiftSum,
    OfferLift,
    bridge,
    engine_lift,
    experiment_lifts,
    lifts_between,
)
from billing.growth.models import Decision, Experiment, OfferStop, Policy
from core.money import minor_per_unit
from core.reading import FIRST_DAY, LAST_DAY

# Half a year on one sheet of paper; older ones have their addresses.
MONTHS = 6


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the reporting time zone; as text it is its address, ``2026-11``."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> Self:
        local = moment.astimezone(ZoneInfo(settings.REPORTING_TIME_ZONE))
        return cls(local.year, local.month)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the month an address names; None where it names none."""
        try:
            found = date.fromisoformat(f"{text}-01")
        except ValueError:
            return None
        is_near = FIRST_DAY <= found <= LAST_DAY
        month = cls(found.year, found.month)
        return month if is_near and str(month) == text else None

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def start(self) -> datetime:
        zone = ZoneInfo(settings.REPORTING_TIME_ZONE)
        return datetime(self.year, self.number, 1, tzinfo=zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.following.start

    @property
    def previous(self) -> "Month":
        day = self.first - timedelta(days=1)
        return Month(day.year, day.month)

    @property
    def following(self) -> "Month":
        day = self.first + timedelta(days=31)
        return Month(day.year, day.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMonth(OfferLift):
    """An offer in a month: how often it was made, and what it moved."""

    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningPolicy:
    """What a policy that learns has learnt: the share of each offer it may choose."""

    policy: Policy
    shares: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningExperiment:
    """How far an experiment has come: units in all variants, of those it needs."""

    experiment: Experiment
    units: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthLine:
    """One month among others."""

    month: Month
    counts: Counts
    lift: Lift
    bridge: LiftSum


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReport:
    """Everything the page of a month says."""

    month: Month
    counts: Counts
    moments: list[MomentFigures]
    lifts: EngineLifts
    offers: list[OfferMonth]
    stops: list[OfferStop]
    concluded: list[Experiment]
    learning: list[LearningPolicy]
    running: list[RunningExperiment]
    months: list[MonthLine]


def first_month() -> Month | None:
    """Return the month of the first decision there is."""
    first = Decision.objects.order_by("pk").values_list("decided_at", flat=True).first()
    return Month.of(first) if first else None


def report(month: Month, *, now: datetime) -> MonthReport:
    """Return what was done in a month that has begun by ``now``."""
    end = min(month.end, now)
    moments = figures.moment_figures(month.start, end)
    counts = figures.offer_counts(month.start, end)
    lifts = lifts_between(month.start, end)
    return MonthReport(
        month=month,
        counts=sum(moments, Counts()),
        moments=[each for each in moments if each.occurred],
        lifts=lifts,
        offers=[
            OfferMonth(
                offer=each.offer,
                lift=each.lift,
                bridge=each.bridge,
                counts=counts.get(each.offer.pk, Counts()),
            )
            for each in lifts.offers
        ],
        stops=list(
            OfferStop.objects.filter(stopped_at__gte=month.start, stopped_at__lt=end)
            .select_related("offer")
            .order_by("stopped_at", "pk")
        ),
        concluded=list(
            Experiment.objects.filter(
                stopped_at__gte=month.start, stopped_at__lt=end
            ).order_by("stopped_at", "pk")
        ),
        learning=_learning(month),
        running=_running(month, end),
        months=_lines(month, now=now),
    )


def _learning(month: Month) -> list[LearningPolicy]:
    policies = Policy.objects.filter(
        Q(retired_at=None) | Q(retired_at__gte=month.end),
        mode=Policy.Mode.BANDIT,
        created_at__lt=month.end,
    )
    return [
        LearningPolicy(
            policy=policy,
            shares=sorted(policy.shares.items(), key=lambda each: (-each[1], each[0])),
        )
        for policy in policies.order_by("moment", "version")
    ]


def _running(month: Month, end: datetime) -> list[RunningExperiment]:
    """Return the experiments that were running when the month ended."""
    found = Experiment.objects.filter(
        Q(stopped_at=None) | Q(stopped_at__gte=month.end), started_at__lt=end
    )
    rows = []
    for experiment in found.order_by("started_at", "pk"):
        weights = learning.weights_of(experiment)
        control = learning.control_of(experiment)
        _, lifts = experiment_lifts(experiment, weights, control=control, end=end)
        units = sum(lift.treated.units for lift in lifts.values())
        units += next((lift.control.units for lift in lifts.values()), 0)
        rows.append(
            RunningExperiment(
                experiment=experiment,
                units=units,
                needed=experiment.planned * len(weights),
            )
        )
    return rows


def _lines(month: Month, *, now: datetime) -> list[MonthLine]:
    """Return this month and the ones before it, back to the first decision."""
    first = first_month()
    if first is None:
        return []
    wanted = [month]
    while len(wanted) < MONTHS and wanted[-1] > first:
        wanted.append(wanted[-1].previous)
    counted = figures.month_counts(wanted[-1].start, min(month.end, now))
    minor = minor_per_unit(settings.REPORTING_CURRENCY)
    lines = []
    for each in wanted:
        lift = engine_lift(each.start, min(each.end, now))
        lines.append(
            MonthLine(
                month=each,
                counts=counted.get((each.year, each.number), Counts()),
                lift=lift,
                bridge=bridge(lift, minor=minor),
            )
        )
    return lines
