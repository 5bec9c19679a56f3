"""Businesses whose revenue is drawn month by month, for a forecast to get right."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
# Of every hundred customers a month: leave, buy more, buy less.
LEAVE, MORE, LESS, COME_BACK = 0.05, 0.03, 0.02, 0.02


def listed(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return what so many customers of three list prices pay."""
    return rng.choice([1_900.0, 4_900.0, 9_900.0], count)


def heavy(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return what customers by contract pay: some twenty times the usual."""
    return np.rint(np.exp(rng.normal(8.5, 1.0, count)))


def business(
    rng: np.random.Generator,
    count: int,
    *,
    prices: Draw,
    begins_with: int = 0,
    growth: float = 1.0,
) -> NDArray[np.float64]:
    """Return so many months as rows of ``COLUMNS``.

    About six customers come each month, ``growth`` times as many as the month before.
    """
    paying, gone = prices(rng, begins_with), 0
    rows = []
    for month in range(count):
        start = paying.sum()
        luck = rng.random(len(paying))
        left = luck < LEAVE
        more = ~left & (luck < LEAVE + MORE)
        less = ~left & ~more & (luck < LEAVE + MORE + LESS)
        halves = np.floor(paying / 2)
        moved = (paying[more].sum(), (paying - halves)[less].sum(), paying[left].sum())
        gone += int(left.sum())
        new = prices(rng, int(rng.poisson(6 * growth**month)))
        back = prices(rng, int(rng.binomial(gone, COME_BACK)))
        kept = np.where(more, paying * 2, np.where(less, halves, paying))[~left]
        paying = np.concatenate([kept, new, back])
        rows.append([start, new.sum(), back.sum(), *moved, paying.sum()])
    return np.array(rows)
