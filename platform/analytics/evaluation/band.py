"""What a day is expected to be, from the same weekdays of the weeks before.

Robust: medians and the median absolute deviation, so that one odd day among the past
ones neither raises an alarm for the usual days after it nor hides the next odd one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

# A quarter would hold more past days, and a growing product outgrows them.
WEEKS = 8
# Fewer than four of a weekday do not tell how much it varies.
LEAST_WEEKS = 4
# People work by weeks: a Sunday is judged by Sundays.
WEEK = 7
# So many deviations on either side. Of days without any change at most one in a hundred
# may lie outside, with small counts and long tails: tests/analytics/test_band.py.
WIDTH = 5.0
# From the median absolute deviation to the deviation of a normal distribution.
_NORMAL = 1.4826


class Nature(StrEnum):
    """What kind of number a series is made of, which says on which scale it varies."""

    COUNT = "count"
    AMOUNT = "amount"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Band:
    """From ``low`` to ``high``, both included, a day is what it usually is."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def band_of(history: Sequence[float | None], nature: Nature) -> Band | None:
    """Return the band of the day after ``history``, which has a value for each day.

    Only the last eight weeks count; ``None`` with fewer than four values of the weekday
    that is judged. A day without a value, such as a ratio over nothing, is passed by.
    Counts are judged by their roots, whose deviation is that of chance at every level
    (Anscombe 1948), and amounts by their logarithms; ratios as they are.
    """
    past = history[-WEEKS * WEEK :]
    past = past[len(past) % WEEK :]
    onto, back, least = _SCALES[nature]
    weekdays = [
        [value for value in past[day::WEEK] if value is not None] for day in range(WEEK)
    ]
    # The first of the past days has the weekday that is judged.
    same_weekday = weekdays[0]
    if len(same_weekday) < LEAST_WEEKS:
        return None
    distances = []
    for values in weekdays:
        scaled = [onto(value) for value in values]
        # Of one day alone nothing is learnt about how much days vary.
        if len(scaled) > 1:
            middle = median(scaled)
            # Middles that come from the same days lie too close to them.
            correction = math.sqrt(len(scaled) / (len(scaled) - 1))
            distances += [abs(value - middle) * correction for value in scaled]
    deviation = max(_NORMAL * median(distances), least)
    middle = median(onto(value) for value in same_weekday)
    # The middle itself is not sure either.
    reach = WIDTH * deviation * math.sqrt(1 + math.pi / 2 / len(same_weekday))
    return Band(
        min(back(middle - reach), *same_weekday),
        max(back(middle + reach), *same_weekday),
    )


def _root(value: float) -> float:
    return 2 * math.sqrt(max(value, 0.0) + 3 / 8)


def _square(value: float) -> float:
    return max((max(value, 0.0) / 2) ** 2 - 3 / 8, 0.0)


def _log(value: float) -> float:
    """Return a logarithm that also has a value at 0 and below it."""
    return math.asinh(value / 2)


def _exp(value: float) -> float:
    return 2 * math.sinh(min(value, 300.0))


def _same(value: float) -> float:
    return value


# The last is the least deviation there can be: that of chance for counts.
_SCALES: dict[
    Nature, tuple[Callable[[float], float], Callable[[float], float], float]
] = {
    Nature.COUNT: (_root, _square, 1.0),
    Nature.AMOUNT: (_log, _exp, 0.05),
    Nature.RATIO: (_same, _same, 0.01),
}
