"""What another policy would have brought, from what this one logged.

Each logged decision has its reward, the probability the logging policy gave the choice
it made, and the probability the new policy gives the same choice. Inverse propensity
scoring weighs rewards by the ratio; the doubly robust estimate (Dudík et al. 2011)
begins with a model's guess and corrects it, and is right when either the propensities
or the guess are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from billing.growth.stats.samples import Effect, Sums


@dataclass(frozen=True, slots=True)
class Logged:
    """One decision of the past.

    ``guess_logged`` is the reward a model expects of the choice that was made,
    ``guess_target`` what it expects of the new policy in the same context.
    """

    reward: float
    propensity: float
    target: float
    guess_logged: float = 0.0
    guess_target: float = 0.0


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """The value of one decision under a policy, and how much the log says of it.

    ``effective`` is Kish's number of decisions the weights are worth: where it is
    small, the new policy does what was hardly ever tried.
    """

    estimate: Effect
    effective: float


def inverse_propensity(
    log: Sequence[Logged], *, confidence: float = 0.95
) -> PolicyValue:
    """Return the value by inverse propensity scoring.

    Raises ``ValueError`` for an empty log or a propensity outside (0, 1].
    """
    weights = _weights(log)
    values = [w * each.reward for w, each in zip(weights, log, strict=True)]
    return PolicyValue(_around(values, confidence), _effective(weights))


def doubly_robust(log: Sequence[Logged], *, confidence: float = 0.95) -> PolicyValue:
    """Return the doubly robust value. Raises as ``inverse_propensity``."""
    weights = _weights(log)
    values = [
        each.guess_target + w * (each.reward - each.guess_logged)
        for w, each in zip(weights, log, strict=True)
    ]
    return PolicyValue(_around(values, confidence), _effective(weights))


def _weights(log: Sequence[Logged]) -> list[float]:
    if not log:
        raise ValueError("An empty log says nothing.")
    if any(not 0 < each.propensity <= 1 for each in log):
        raise ValueError("A propensity is above 0 and at most 1.")
    return [each.target / each.propensity for each in log]


def _around(values: Sequence[float], confidence: float) -> Effect:
    sample = Sums.of(values)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    width = z * sqrt(sample.error_squared)
    return Effect(sample.mean, sample.mean - width, sample.mean + width)


def _effective(weights: Sequence[float]) -> float:
    squares = sum(w * w for w in weights)
    return sum(weights) ** 2 / squares if squares else 0.0
