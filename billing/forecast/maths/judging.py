"""Which method was wrong by least on months that are over, and by how much.

From each past month on every method is asked for what came after it, knowing only what
was known then (a rolling origin). The bands are as wide as these errors were.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from billing.forecast.maths.methods import (
    END,
    METHODS,
    SERIES,
    Method,
    Months,
)

# Below three months a line is drawn through its own two points.
LEAST_KNOWN = 3
# Nine months give six tests of one month ahead; with six months and three tests the
# bands of simulated businesses were about as wide as the revenue itself.
LEAST_MONTHS = 9
# A movement that happened in fewer months says nothing about how large it can be.
LEAST_MOVED = 6
# Half a year: what was tested farther ahead was tested too few times.
MOST_AHEAD = 6
# No more than a third of what is known: farther ahead hardly a test has an end.
KNOWN_PER_AHEAD = 3
# Two years of tests: older errors are of another business.
MOST_TESTS = 24
# A small revenue moves by small amounts, so past errors are scaled up to today's. One
# movement may be a single customer's, and grows as they do.
POWER_OF_MOVEMENT = 1.0
# The whole is of many, whose differences cancel in part: between 1 and the 1/2 of
# independent ones. At 1/2 bands of growing simulated businesses held 91 %.
POWER_OF_WHOLE = 0.75
# Without a past to scale by nothing is scaled more than this.
MOST_SCALED = 1_000.0


class Reason(StrEnum):
    """Why a series has no forecast."""

    TOO_FEW_MONTHS = "too_few_months"
    TOO_FEW_MOVES = "too_few_moves"


@dataclass(frozen=True, slots=True)
class AmountBand:
    """One month's amount, and where it is to be expected; minor units a month."""

    amount: int
    low_80: int
    high_80: int
    low_95: int
    high_95: int


@dataclass(frozen=True, slots=True)
class SeriesForecast:
    """One series carried on, by the method that was wrong by least.

    ``errors`` is each method's typical error (root mean square, averaged over the
    months ahead), ``tests`` how many past months it is from. With a ``reason`` there
    is no method and no month.
    """

    name: str
    method: Method | None
    reason: Reason | None
    errors: Mapping[Method, int]
    tests: int
    months: tuple[AmountBand, ...]


def judge(months: Months) -> list[SeriesForecast]:
    """Return a forecast for each of ``SERIES``, or why there is none."""
    if len(months) < LEAST_MONTHS:
        return [_missing(name, Reason.TOO_FEW_MONTHS) for name in SERIES]
    ahead = min(MOST_AHEAD, len(months) // KNOWN_PER_AHEAD)
    errors = rolling_errors(months, ahead)
    carried = np.stack([carry(months, ahead) for carry in METHODS.values()])
    moved = np.count_nonzero(months[-MOST_TESTS:, 1:], axis=0)
    return [
        _judged(name, place, months, errors[..., place], carried[..., place])
        if moved[place] >= LEAST_MOVED
        else _missing(name, Reason.TOO_FEW_MOVES)
        for place, name in enumerate(SERIES)
    ]


def rolling_errors(months: Months, ahead: int) -> NDArray[np.float64]:
    """Return what came less what each method had said: method, test, ahead, series.

    ``nan`` where the month has not come yet. A test begins with each month of the
    last two years before which enough was known.
    """
    begins = _begins(len(months))
    found = np.full((len(METHODS), len(begins), ahead, len(SERIES)), np.nan)
    for number, carry in enumerate(METHODS.values()):
        for test, known in enumerate(begins):
            came = months[known : known + ahead, 1:]
            said = carry(months[:known], len(came))
            found[number, test, : len(came)] = came - said
    return found


def _begins(count: int) -> range:
    return range(max(LEAST_KNOWN, count - MOST_TESTS), count)


def _missing(name: str, reason: Reason) -> SeriesForecast:
    return SeriesForecast(name, None, reason, {}, 0, ())


def _judged(
    name: str,
    place: int,
    months: Months,
    errors: NDArray[np.float64],
    carried: NDArray[np.float64],
) -> SeriesForecast:
    typical = _root_mean_square(errors).mean(axis=1)
    best = int(np.argmin(typical))
    spreads = _spreads(_scaled(errors[best], months, place), is_whole=place == END)
    bands = [
        _band(amount, spread, freedom)
        for amount, (spread, freedom) in zip(carried[best], spreads, strict=True)
    ]
    return SeriesForecast(
        name,
        list(METHODS)[best],
        None,
        {
            method: round(error)
            for method, error in zip(METHODS, typical.tolist(), strict=True)
        },
        errors.shape[1],
        tuple(bands),
    )


def _root_mean_square(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return it over the tests: the last axis but one. No column is without a test."""
    found: NDArray[np.float64] = np.sqrt(np.nanmean(errors**2, axis=-2))
    return found


def _scaled(
    errors: NDArray[np.float64], months: Months, place: int
) -> NDArray[np.float64]:
    """Return errors of smaller revenue as they would be at today's; none gets less."""
    power = POWER_OF_WHOLE if place == END else POWER_OF_MOVEMENT
    begins = np.array(_begins(len(months)))
    then, now = np.maximum(months[begins - 1, -1], 1.0), months[-1, -1]
    grown = np.clip(now / then, 1.0, MOST_SCALED) ** power
    scaled: NDArray[np.float64] = errors * grown[:, None]
    return scaled


def _spreads(
    errors: NDArray[np.float64], *, is_whole: bool
) -> list[tuple[float, float]]:
    """Return a spread for each month ahead, and its degrees of freedom.

    Never less than for a month nearer, nor, where errors add up from month to month,
    than independent ones would come to. The freedom is the effective number of errors
    (Kish: (Σe²)² / Σe⁴): where one month made most of them it is near one, and
    Student's quantile wide. Of a movement one is spent for having chosen the method.
    """
    squares = np.square(errors[:, 0])
    effective = squares.sum() ** 2 / max(np.square(squares).sum(), 1.0)
    freedom = max(float(effective) - (0 if is_whole else 1), 1.0)
    sizes = _root_mean_square(errors)
    found, least = [], 0.0
    for number, size in enumerate(sizes.tolist(), start=1):
        grown = sizes[0] * np.sqrt(number) if is_whole else sizes[0]
        least = max(least, size, float(grown))
        found.append((least, freedom))
    return found


def _band(amount: float, spread: float, freedom: float) -> AmountBand:
    """Return the band of one month; nothing here can be less than nothing."""
    # It weighs as much as a small server, and pages only read what a night computed.
    from scipy.special import stdtrit

    narrow, wide = (spread * float(stdtrit(freedom, each)) for each in (0.9, 0.975))
    return AmountBand(
        round(amount),
        max(0, round(amount - narrow)),
        round(amount + narrow),
        max(0, round(amount - wide)),
        round(amount + wide),
    )
