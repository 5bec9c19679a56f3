"""How long it takes, when many have not got there yet (Kaplan and Meier, 1958)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist

from billing.conversion.stats.shares import Interval


@dataclass(frozen=True, slots=True)
class SurvivalStep:
    """From ``time`` on a share ``survival`` has not got there, with its interval."""

    time: float
    at_risk: int
    events: int
    survival: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Kaplan's and Meier's curve: its steps in order, and how far it is known."""

    count: int
    events: int
    last: float
    steps: tuple[SurvivalStep, ...]

    def step_at(self, time: float) -> SurvivalStep | None:
        """Return the step in force at ``time``; ``None`` before the first."""
        reached = [step for step in self.steps if step.time <= time]
        return reached[-1] if reached else None

    def survival_at(self, time: float) -> float | None:
        """Return S(t); ``None`` beyond the longest observation, which knows nothing."""
        if time > self.last:
            return None
        step = self.step_at(time)
        return step.survival if step else 1.0

    @property
    def median(self) -> float | None:
        """The first time by which half have got there; ``None`` if not yet."""
        return next((step.time for step in self.steps if step.survival <= 0.5), None)


def survival_curve(
    observed: Mapping[tuple[float, bool], int], *, confidence: float = 0.95
) -> SurvivalCurve:
    """Return the curve of how many had each (time, whether it happened then).

    Who is not there yet counts as at risk up to their time; of both at one time
    the event is first. Intervals are Greenwood's on the log(−log) scale.
    """
    events: Counter[float] = Counter()
    leaving: Counter[float] = Counter()
    for (time, has_happened), units in observed.items():
        leaving[time] += units
        events[time] += units if has_happened else 0
    at_risk = count = sum(leaving.values())
    survival, greenwood = 1.0, 0.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    steps = []
    for time in sorted(leaving):
        happened = events[time]
        if happened:
            survival *= 1 - happened / at_risk
            if happened < at_risk:
                greenwood += happened / (at_risk * (at_risk - happened))
            interval = _interval(survival, greenwood, z)
            steps.append(SurvivalStep(time, at_risk, happened, survival, interval))
        at_risk -= leaving[time]
    last = max(leaving, default=0.0)
    return SurvivalCurve(count, sum(events.values()), last, tuple(steps))


def _interval(survival: float, greenwood: float, z: float) -> Interval | None:
    """Return the interval of one step; none where all have got there."""
    if survival <= 0 or survival >= 1:
        return None
    spread = z * sqrt(greenwood) / -log(survival)
    centre = log(-log(survival))
    return Interval(low=exp(-exp(centre + spread)), high=exp(-exp(centre - spread)))
