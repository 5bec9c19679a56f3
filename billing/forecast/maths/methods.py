"""Three ways to go on from the months that are over.

Months are the rows of an array, the oldest first; its columns are ``COLUMNS``, in minor
units a month. Every method takes them and how many months ahead, and returns as many
rows of ``SERIES``: whole numbers, none below zero.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

# What the revenue gains, then what it loses.
GAINS = ("new", "reactivation", "expansion")
LOSSES = ("contraction", "churn")
SERIES = (*GAINS, *LOSSES, "end")
COLUMNS = ("start", *SERIES)
END = SERIES.index("end")
Months = NDArray[np.float64]

# A year holds each season once; what was before it says little of what is sold today.
WINDOW = 12
# Half a year ago counts half: prices and plans change about twice a year.
HALF_LIFE = 6


class Method(StrEnum):
    """How a number is carried on; the last two are what the first has to beat."""

    FLOWS = "flows"
    LINE = "line"
    LAST = "last"


def carry_flows(months: Months, ahead: int) -> Months:
    """Let new revenue come as it came, and the rest as shares of what there is.

    New and come back are weighted means of the last year's months, in money; more,
    less and left are shares of the month's beginning, as all of these months together
    had them. So each month's end is its beginning and its five movements, exactly.
    """
    recent = months[-WINDOW:]
    weights = 0.5 ** (np.arange(len(recent))[::-1] / HALF_LIFE)
    means = weights @ recent / weights.sum()
    start, flows, moved = means[0], means[1:3], means[3:6]
    shares = moved / start if start > 0 else np.zeros(3)
    # More than everything cannot be lost.
    shares[1:] /= max(1.0, shares[1:].sum())
    found = np.empty((ahead, len(SERIES)))
    now = months[-1, -1]
    for row in found:
        row[:2], row[2:END] = np.rint(flows), np.rint(shares * now)
        # Two losses rounded up could be one unit more than there is.
        row[END - 1] = min(row[END - 1], now - row[END - 2])
        now = now + row[:3].sum() - row[3:END].sum()
        row[END] = now
    return found


def carry_line(months: Months, ahead: int) -> Months:
    """Draw the straight line of least squares through the last year's months."""
    recent = months[-WINDOW:, 1:]
    count = len(recent)
    middle = (count - 1) / 2
    places = np.arange(count) - middle
    slopes = places @ recent / (places @ places)
    later = np.arange(count, count + ahead) - middle
    line: Months = recent.mean(axis=0) + later[:, None] * slopes
    found: Months = np.rint(np.maximum(line, 0.0))
    return found


def carry_last(months: Months, ahead: int) -> Months:
    """Let every month be as the last one was."""
    return np.repeat(months[-1:, 1:], ahead, axis=0)


METHODS: Mapping[Method, Callable[[Months, int], Months]] = {
    Method.FLOWS: carry_flows,
    Method.LINE: carry_line,
    Method.LAST: carry_last,
}
