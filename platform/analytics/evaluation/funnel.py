"""How far each unit came, found in one pass over its events in order.

Events are rows of columns, sorted by group, moment and id; a group is a unit, or a unit
with one value of the property that is held. Every step of every attempt is found at
once: the next event of a step is a binary search in the places where it happened, so
nothing is joined with itself and the cost grows with the events read.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.evaluation.moments import to_micros
from analytics.questions import Funnel, Order

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Occurrences:
    """The events that a funnel looks at, as columns of equal length.

    ``moment`` is in microseconds since 1970. Bit i of ``mask`` says that the event is
    one of step i; the bits after the steps are those of the exclusions. ``held`` is a
    number that stands for the value of the held property, -1 where there is none.
    """

    unit: Ints
    moment: Ints
    id: Ints
    mask: Ints
    held: Ints


@dataclass(frozen=True, slots=True)
class Ways:
    """The attempt of each unit that counts.

    ``reached`` is at least 1. ``moments`` has a row for each and a column for each
    step, in microseconds; what was not reached holds the largest number there is.
    ``entry`` is the id of the event at which it began.
    """

    unit: Ints
    reached: Ints
    moments: NDArray[np.int64]
    entry: Ints


def find_ways(funnel: Funnel, hits: Occurrences) -> Ways:
    """Return one way for each unit that entered."""
    hits = _sorted(hits, is_grouped=bool(funnel.hold) and funnel.order != Order.STRICT)
    group = _groups(hits, is_held=bool(funnel.hold) and funnel.order != Order.STRICT)
    entries = _entries(funnel, hits, group)
    if funnel.order == Order.UNORDERED:
        reached, moments = _in_any_order(funnel, hits, group, entries)
    else:
        reached, moments = _in_order(funnel, hits, group, entries)
    return _best(hits, entries, reached, moments)


def _sorted(hits: Occurrences, *, is_grouped: bool) -> Occurrences:
    grouping = (hits.held,) if is_grouped else ()
    order = np.lexsort((hits.id, hits.moment, *grouping, hits.unit))
    return Occurrences(
        unit=hits.unit[order],
        moment=hits.moment[order],
        id=hits.id[order],
        mask=hits.mask[order],
        held=hits.held[order],
    )


def _groups(hits: Occurrences, *, is_held: bool) -> Ints:
    """Return the number of the group that each row is of."""
    if not len(hits.unit):
        return hits.unit
    is_new = hits.unit[1:] != hits.unit[:-1]
    if is_held:
        is_new |= hits.held[1:] != hits.held[:-1]
    return np.concatenate(([0], np.cumsum(is_new)))


def _entries(funnel: Funnel, hits: Occurrences, group: Ints) -> Ints:
    """Return the rows at which an attempt begins."""
    every = (1 << len(funnel.steps)) - 1
    entering = every if funnel.order == Order.UNORDERED else 1
    start = to_micros(funnel.period.start)
    end = to_micros(funnel.period.end)
    begins = (hits.mask & entering) != 0
    begins &= (hits.moment >= start) & (hits.moment < end)
    if funnel.hold:
        begins &= hits.held != -1
    found = np.flatnonzero(begins)
    if funnel.order != Order.FIRST_ENTRY:
        return found
    _, first = np.unique(group[found], return_index=True)
    return found[first]


def _in_order(
    funnel: Funnel, hits: Occurrences, group: Ints, entries: Ints
) -> tuple[Ints, NDArray[np.int64]]:
    steps = len(funnel.steps)
    window = int(funnel.window.total_seconds() * 1_000_000)
    reached = np.ones(len(entries), dtype=np.int64)
    moments = np.full((len(entries), steps), _NEVER, dtype=np.int64)
    moments[:, 0] = hits.moment[entries]
    goes_on = np.ones(len(entries), dtype=np.bool_)
    place = entries.copy()
    for step in range(1, steps):
        following, exists = _next(hits.mask & (1 << step) != 0, place)
        goes_on &= exists
        goes_on &= group[following] == group[entries]
        goes_on &= hits.moment[following] - moments[:, 0] <= window
        if funnel.order == Order.STRICT:
            goes_on &= following == place + 1
            if funnel.hold:
                goes_on &= hits.held[following] == hits.held[entries]
        for number, exclusion in enumerate(funnel.exclusions):
            if exclusion.after in {None, step - 1}:
                is_excluded = hits.mask & (1 << (steps + number)) != 0
                hindrance, is_there = _next(is_excluded, place)
                goes_on &= ~(is_there & (hindrance < following))
        reached[goes_on] = step + 1
        moments[goes_on, step] = hits.moment[following[goes_on]]
        place = np.where(goes_on, following, place)
    return reached, moments


def _in_any_order(
    funnel: Funnel, hits: Occurrences, group: Ints, entries: Ints
) -> tuple[Ints, NDArray[np.int64]]:
    steps = len(funnel.steps)
    window = int(funnel.window.total_seconds() * 1_000_000)
    last = hits.moment[entries] + window
    barrier = np.full(len(entries), len(hits.moment), dtype=np.int64)
    for number in range(len(funnel.exclusions)):
        hindrance, exists = _next(hits.mask & (1 << (steps + number)) != 0, entries)
        barrier = np.where(exists, np.minimum(barrier, hindrance), barrier)
    moments = np.full((len(entries), steps), _NEVER, dtype=np.int64)
    for step in range(steps):
        # The entering event itself may be any of the steps.
        following, exists = _next(hits.mask & (1 << step) != 0, entries - 1)
        is_reached = exists & (group[following] == group[entries])
        is_reached &= (hits.moment[following] <= last) & (following < barrier)
        moments[is_reached, step] = hits.moment[following[is_reached]]
    moments.sort(axis=1)
    return (moments != _NEVER).sum(axis=1), moments


def _next(happens: Flags, place: Ints) -> tuple[Ints, Flags]:
    """Return the first row after each place at which it happens, and if there is one.

    Where there is none the row is 0, so that it can be looked at.
    """
    rows = np.flatnonzero(happens)
    if not len(rows):
        return np.zeros_like(place), np.zeros(len(place), dtype=np.bool_)
    index = np.searchsorted(rows, place, side="right")
    exists = index < len(rows)
    return np.where(exists, rows[np.minimum(index, len(rows) - 1)], 0), exists


def _best(
    hits: Occurrences, entries: Ints, reached: Ints, moments: NDArray[np.int64]
) -> Ways:
    """Choose of each unit's attempts the one that came furthest, then the earliest."""
    order = np.lexsort(
        (hits.id[entries], hits.moment[entries], -reached, hits.unit[entries])
    )
    units = hits.unit[entries][order]
    _, first = np.unique(units, return_index=True)
    chosen = order[first]
    return Ways(
        unit=hits.unit[entries][chosen],
        reached=reached[chosen],
        moments=moments[chosen],
        entry=hits.id[entries][chosen],
    )
