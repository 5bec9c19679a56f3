"""Which page is read before a need, more often than other pages are.

Readers of a page are compared with readers of other pages: how many had the need for
the first time in the 14 days after they first read it. It says what comes before, not
what it is because of.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, log, sqrt

from knowledge.sittings import NodeReader

# Two weeks: a need that comes later has had many other pages before it.
WITHIN = timedelta(days=14)
# Fewer readers with the need say nothing, and would say something about them.
FEWEST = 5
# The 97.5th of a hundred of the normal distribution: both sides leave 5 %.
Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class NeedLift:
    """How many times as often a need follows; limits of 95 %, and who had it."""

    value: float
    low: float
    high: float
    support: int


@dataclass(slots=True)
class Preceding:
    """Readers of each node and of any, with and without one need afterwards.

    ``needing`` had it after they first read the node, ``needing_at_all`` are its
    readers who had it after they first read anything, as everybody else is counted.
    """

    readers: Counter[int] = field(default_factory=Counter)
    needing: Counter[int] = field(default_factory=Counter)
    needing_at_all: Counter[int] = field(default_factory=Counter)
    everybody: int = 0
    everybody_needing: int = 0

    def add(
        self, reader: NodeReader, need_at: datetime | None, until: datetime
    ) -> None:
        """Count a person: what they read first when, and when they had the need.

        What was read after the need, or too lately to tell, does not count.
        """
        first: dict[int, datetime] = {}
        for reading in reader.readings:
            first.setdefault(reading.node, reading.at)
        counted = {
            node: need_at is not None and need_at - at <= WITHIN
            for node, at in first.items()
            if at + WITHIN <= until and (need_at is None or at < need_at)
        }
        if not counted:
            return
        begun = min(first.values())
        is_needing = need_at is not None and need_at - begun <= WITHIN
        self.everybody += 1
        self.everybody_needing += is_needing
        self.readers.update(counted.keys())
        self.needing.update(node for node, had in counted.items() if had)
        if is_needing:
            self.needing_at_all.update(counted.keys())

    def lift_of(self, node: int) -> NeedLift | None:
        """Return the lift of a node over all others; ``None`` with too few."""
        support, readers = self.needing[node], self.readers[node]
        others = self.everybody - readers
        if support < FEWEST or others < FEWEST:
            return None
        needing = self.everybody_needing - self.needing_at_all[node]
        return ratio(support, readers, needing, others)


def ratio(one: int, of: int, other: int, of_other: int) -> NeedLift:
    """Return the ratio of two shares with its interval (Katz, on the logarithm).

    Half a case is added where the others have none, so that there is a ratio.
    """
    extra = 0.0 if other > 0 else 0.5
    a, n = one + extra, of + 2 * extra
    c, m = other + extra, of_other + 2 * extra
    value = (a / n) / (c / m)
    error = sqrt(max(1 / a - 1 / n + 1 / c - 1 / m, 0.0))
    return NeedLift(
        value, exp(log(value) - Z * error), exp(log(value) + Z * error), support=one
    )
