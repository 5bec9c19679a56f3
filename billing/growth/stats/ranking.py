"""How well a score ranks: AUC, lift of the best tenth, calibration, with intervals.

Intervals are from the bootstrap over units (Efron and Tibshirani, 1993): a unit that
appears at several snapshots is drawn with all of them, since they are not independent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

# The 97.5th of a hundred of the normal distribution: both sides leave 5 %.
Z = 1.959963984540054
# Ten lie beyond each limit, so the limits are known to a fifth of the interval's width.
DRAWS = 400
# The same draws each time, so that an interval only moves when the data do.
SEED = 7
# As many as sales can speak with: the usual "lift at 10 %".
BEST = 0.1
# Fifths: with fewer than a hundred payers, tenths are mostly noise.
GROUPS = 5


@dataclass(frozen=True, slots=True)
class Ranked:
    """What was scored: each row's unit, its score, and whether it paid afterwards."""

    unit: Ints
    score: Floats
    paid: Flags


@dataclass(frozen=True, slots=True)
class ScoreInterval:
    """A value with its limits of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreGroup:
    """One fifth by score, the lowest first: how many paid, with the limits of 95 %.

    ``predicted`` is the mean of the scores, in their own unit.
    """

    rows: int
    paid: int
    predicted: float
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.paid / self.rows


def auc(score: Floats, paid: Flags, weight: Floats | None = None) -> float:
    """Return the chance that a payer is scored above one who is not; ties are half."""
    weights = np.ones(len(score)) if weight is None else weight
    _values, group = np.unique(score, return_inverse=True)
    payers = np.bincount(group, weights=weights * paid)
    others = np.bincount(group, weights=weights * ~paid, minlength=len(payers))
    below = np.concatenate([[0.0], np.cumsum(others)[:-1]])
    pairs = payers.sum() * others.sum()
    return float((payers * (below + others / 2)).sum() / pairs) if pairs else 0.5


def lift_of_best(score: Floats, paid: Flags, weight: Floats | None = None) -> float:
    """Return how many times as often the best tenth paid as everybody.

    Of rows with equal scores at its border the needed part is taken from each.
    """
    weights = np.ones(len(score)) if weight is None else weight
    _values, group = np.unique(-score, return_inverse=True)
    size = np.bincount(group, weights=weights)
    payers = np.bincount(group, weights=weights * paid)
    wanted = BEST * size.sum()
    before = np.concatenate([[0.0], np.cumsum(size)[:-1]])
    part = np.clip((wanted - before) / np.where(size > 0, size, 1), 0, 1)
    share = payers.sum() / size.sum()
    return float((part * payers).sum() / wanted / share) if share else 1.0


def interval_of(
    figure: Callable[[Floats, Flags, Floats], float], ranked: Ranked
) -> ScoreInterval:
    """Return a figure of a score with its interval."""
    drawn = [
        figure(ranked.score, ranked.paid, weight) for weight in _draws(ranked.unit)
    ]
    value = figure(ranked.score, ranked.paid, np.ones(len(ranked.score)))
    return _interval(value, drawn)


def auc_gain(ranked: Ranked, other: Floats) -> ScoreInterval:
    """Return how much better another score of the same rows ranks, in AUC."""
    drawn = [
        auc(other, ranked.paid, weight) - auc(ranked.score, ranked.paid, weight)
        for weight in _draws(ranked.unit)
    ]
    value = auc(other, ranked.paid) - auc(ranked.score, ranked.paid)
    return _interval(value, drawn)


def calibration(ranked: Ranked) -> list[ScoreGroup]:
    """Return the fifths by score, with how many of each paid (Wilson's interval)."""
    order = np.argsort(ranked.score, kind="stable")
    return [
        _group(ranked.score[rows], ranked.paid[rows])
        for rows in np.array_split(order, GROUPS)
        if len(rows)
    ]


def _group(score: Floats, paid: Flags) -> ScoreGroup:
    rows, count = len(score), int(paid.sum())
    share, square = count / rows, Z * Z
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    half = sqrt(share * (1 - share) / rows + square / (4 * rows * rows))
    half *= Z / (1 + square / rows)
    return ScoreGroup(
        rows=rows,
        paid=count,
        predicted=float(score.mean()),
        low=max(middle - half, 0.0),
        high=min(middle + half, 1.0),
    )


def _draws(unit: Ints) -> Iterator[Floats]:
    """Yield how often each row is drawn; rows of one unit are drawn together."""
    units, of_row = np.unique(unit, return_inverse=True)
    rng = np.random.default_rng(SEED)
    for _ in range(DRAWS):
        drawn = rng.integers(len(units), size=len(units))
        yield np.bincount(drawn, minlength=len(units)).astype(float)[of_row]


def _interval(value: float, drawn: list[float]) -> ScoreInterval:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return ScoreInterval(value, min(float(low), value), max(float(high), value))
