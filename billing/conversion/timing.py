"""How long it takes from sign-up to the first payment, and α by month of sign-up."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q, Value
from django.db.models.functions import Coalesce, ExtractDay, Greatest, TruncMonth

from billing.conversion.ranges import reporting_zone
from billing.conversion.reasons import Missing
from billing.conversion.stats.shares import Interval, wilson_interval
from billing.conversion.stats.survival import SurvivalCurve, survival_curve
from billing.conversion.units import CountedUnit, population

# A week, a month and a quarter after sign-up.
AGES = (7, 30, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpCohort:
    """Units that signed up in one month.

    ``matured`` counts those whose window after sign-up is over,
    ``matured_converters`` those of them who paid within it; ``converters`` are those
    who have paid at all. Who never became active is in all of them.
    """

    month: date
    people: int
    active: int
    converters: int
    matured: int
    matured_converters: int

    @property
    def is_whole(self) -> bool:
        """Whether the window of everybody is over: the share will not move any more."""
        return self.matured == self.people

    @property
    def share(self) -> float | Missing:
        """α within the window, of those whose window is over."""
        if not self.matured:
            return Missing.WINDOW_OPEN
        return self.matured_converters / self.matured

    @property
    def interval(self) -> Interval | None:
        return wilson_interval(self.matured_converters, self.matured)


def sign_up_cohorts(
    start: datetime,
    end: datetime,
    *,
    window: timedelta,
    as_of: datetime,
    unit: CountedUnit = CountedUnit.PERSON,
) -> list[SignUpCohort]:
    """Return one cohort per month of ``[start, end)``, the newest first. One query."""
    matured = Q(signed_up_at__lte=as_of - window)
    in_time = Q(paid_at__lte=F("signed_up_at") + window)
    rows = (
        population(unit)
        .between("signed_up_at", start, end)
        .annotate(month=TruncMonth("signed_up_at", tzinfo=reporting_zone()))
        .values("month")
        .annotate(
            people=Count("pk"),
            active=Count("pk", filter=Q(activated_at__isnull=False)),
            converters=Count("pk", filter=Q(paid_at__isnull=False)),
            matured=Count("pk", filter=matured),
            matured_converters=Count("pk", filter=matured & in_time),
        )
        .order_by("-month")
    )
    return [
        SignUpCohort(
            month=row["month"].date(),
            people=row["people"],
            active=row["active"],
            converters=row["converters"],
            matured=row["matured"],
            matured_converters=row["matured_converters"],
        )
        for row in rows
    ]


def time_to_convert(
    start: datetime,
    end: datetime,
    *,
    as_of: datetime,
    unit: CountedUnit = CountedUnit.PERSON,
) -> SurvivalCurve:
    """Return how long units that signed up in ``[start, end)`` took to pay, in days.

    Who has not paid yet counts up to ``as_of``, so that converters alone do not make
    it look fast; who paid before signing up, by contract, took no time. One query,
    which counts them by whole days.
    """
    rows = (
        population(unit)
        .between("signed_up_at", start, end)
        .annotate(
            day=Greatest(
                ExtractDay(Coalesce("paid_at", Value(as_of)) - F("signed_up_at")), 0
            )
        )
        .values("day")
        .annotate(
            paid=Count("pk", filter=Q(paid_at__isnull=False)),
            waiting=Count("pk", filter=Q(paid_at=None)),
        )
        .order_by("day")
    )
    observed: dict[tuple[float, bool], int] = {}
    for row in rows:
        day = float(row["day"])
        observed |= {(day, True): row["paid"], (day, False): row["waiting"]}
    return survival_curve({key: units for key, units in observed.items() if units})


@dataclass(frozen=True, slots=True)
class ShareAtAge:
    """Which share had paid by an age in days, or why that is not known."""

    age: int
    share: float | Missing
    interval: Interval | None


def shares_at_ages(curve: SurvivalCurve) -> list[ShareAtAge]:
    """Return the converted share at each of ``AGES``."""
    found = []
    for age in AGES:
        survival = curve.survival_at(age)
        if survival is None:
            found.append(ShareAtAge(age, Missing.NOT_THAT_OLD, None))
            continue
        step = curve.step_at(age)
        known = step.interval if step else None
        interval = Interval(1 - known.high, 1 - known.low) if known else None
        found.append(ShareAtAge(age, 1 - survival, interval))
    return found
