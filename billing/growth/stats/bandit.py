"""Choosing among offers while learning: Thompson sampling with a floor.

Each arm's share of success has a Beta posterior and its margin is known as a mean per
success and a cost per offer. The probability that an arm is chosen is the share of
posterior draws in which it brings most, mixed with a floor so that every arm is tried
and its propensity never gets too small to evaluate another policy by. The draws are
seeded: the same evidence and seed give the same probabilities, so each decision can
be replayed from its log.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

# Of one draw in a hundred more or less, no choice between offers depends.
DRAWS = 2_000
# With five arms, a quarter of the traffic goes on learning.
FLOOR = 0.05
# An arm is stopped for its margin when that is almost sure, not when it is likely.
SURE = 0.95
# Margins of fewer successes than this stop nothing: one large bill is no evidence.
FEWEST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What is known of one offer.

    ``worth`` is the margin of one success and ``cost`` what one offer costs, in one
    unit of money. ``margins`` counts the units the mean ``margin`` with its standard
    ``error`` was taken over.
    """

    key: str
    tried: int = 0
    succeeded: int = 0
    worth: float = 1.0
    cost: float = 0.0
    margin: float = 0.0
    error: float = 0.0
    margins: int = 0

    def breaks(self, least: float) -> bool:
        """Tell whether the margin of a unit is almost surely below ``least``."""
        if self.margins < FEWEST:
            return False
        z = NormalDist().inv_cdf(SURE)
        return self.margin + z * self.error < least


def allowed(arms: Sequence[Arm], *, least_margin: float | None) -> list[Arm]:
    """Return the arms whose margin does not break the floor."""
    if least_margin is None:
        return list(arms)
    return [arm for arm in arms if not arm.breaks(least_margin)]


def probabilities(
    arms: Sequence[Arm], *, seed: int, floor: float = FLOOR, draws: int = DRAWS
) -> dict[str, float]:
    """Return with which probability each arm is chosen; they sum to 1.

    Raises ``ValueError`` when the floors of all arms are more than the whole.
    """
    if not arms:
        return {}
    if floor * len(arms) > 1:
        raise ValueError("So many arms cannot each have that floor.")
    rng = random.Random(seed)  # noqa: S311 - reproducible, and no secret
    won = dict.fromkeys((arm.key for arm in arms), 0)
    for _ in range(draws):
        best = max(arms, key=lambda arm: _drawn(arm, rng))
        won[best.key] += 1
    rest = 1 - floor * len(arms)
    return {key: floor + rest * count / draws for key, count in won.items()}


def choose(shares: Mapping[str, float], uniform: float) -> str:
    """Return the arm that a number from [0, 1) falls to, in the order of their keys.

    Raises ``ValueError`` when there is no arm.
    """
    reached = 0.0
    last = ""
    for key in sorted(shares):
        last = key
        reached += shares[key]
        if uniform < reached:
            return key
    if not last:
        raise ValueError("There is nothing to choose from.")
    return last


def _drawn(arm: Arm, rng: random.Random) -> float:
    share = rng.betavariate(1 + arm.succeeded, 1 + arm.tried - arm.succeeded)
    return share * arm.worth - arm.cost
