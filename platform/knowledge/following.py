"""Which node is looked at after which: counted, and used to say what to show next.

    score(b | a) = (n(a→b) + K · prior(b)) / (n(a) + K)

The prior is how often b is read at all, more where a links to it. So what was seen
often speaks for itself, and a page nobody has left yet still has something to offer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

# So many departures from a page count as much as what is known before any.
K = 10.0
# An author who links says that it comes next; half of what is known before.
LINKED = 0.5
# Nodes of one sitting of which pairs are taken: longer ones are programs, and pairs
# grow with the square.
MOST_IN_SITTING = 20


@dataclass(slots=True)
class Following:
    """Counts over sittings; nodes are places in a list."""

    steps: dict[int, Counter[int]] = field(default_factory=dict)
    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)
    read: Counter[int] = field(default_factory=Counter)
    sittings: int = 0

    def add(self, sitting: Sequence[int]) -> None:
        """Count one sitting."""
        self.sittings += 1
        for one, other in pairwise(sitting):
            self.steps.setdefault(one, Counter())[other] += 1
        seen = sorted(set(sitting))
        self.read.update(seen)
        seen = seen[:MOST_IN_SITTING]
        self.pairs.update(
            (one, other) for at, one in enumerate(seen) for other in seen[at + 1 :]
        )

    def lift_of(self, pair: tuple[int, int]) -> float:
        """Return how much more often two are read together than by chance."""
        one, other = pair
        expected = self.read[one] * self.read[other] / self.sittings
        return self.pairs[pair] / expected


def popular(following: Following, *, limit: int) -> list[int]:
    """Return the nodes most often read, whatever was read before."""
    ranked = sorted(following.read.items(), key=lambda each: (-each[1], each[0]))
    return [node for node, _count in ranked[:limit]]


def next_nodes(
    following: Following,
    node: int,
    *,
    links: Mapping[int, Iterable[int]],
    known: Sequence[int],
    limit: int,
) -> list[tuple[int, float]]:
    """Return what to show after ``node``, best first, each with its score.

    ``known`` are the nodes most often read, as ``popular`` returns them: of the others
    only those count that were read next or are linked to.
    """
    steps = following.steps.get(node, Counter())
    linked = set(links.get(node, ()))
    total = sum(steps.values())
    read = sum(following.read.values()) or 1
    scores = {}
    for each in {*steps, *linked, *known} - {node}:
        prior = following.read[each] / read
        if each in linked:
            prior = (1 - LINKED) * prior + LINKED / len(linked)
        scores[each] = (steps[each] + K * prior) / (total + K)
    ranked = sorted(scores.items(), key=lambda each: (-each[1], each[0]))
    return ranked[:limit]
