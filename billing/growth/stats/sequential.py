"""Inference that stays valid however often a person looks.

The mixture sequential probability ratio test (Robbins 1970; Johari et al. 2017): the
effect under the alternative is drawn from a normal around zero with deviation ``tau``,
which is fixed when the experiment is planned. The p-value and the interval hold at all
looks at once, so a person may stop whenever they like.
"""

from dataclasses import dataclass
from math import exp, inf, log, sqrt

from billing.growth.stats.samples import Difference, Effect, Sums

CONFIDENCE = 0.95  # As everywhere else in the product.
# Below so many units an arm's mean is not normal yet; nothing is concluded.
FEWEST = 100


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look says; ``p`` and the interval are valid at every look.

    ``estimate`` is None while an arm is too small, and is not significant then.
    """

    estimate: Effect | None
    p: float

    @property
    def is_significant(self) -> bool:
        return self.estimate is not None and self.p < 1 - CONFIDENCE


def half_width(error: float, tau: float, *, confidence: float = CONFIDENCE) -> float:
    """Return how far the interval reaches to each side, in the unit of ``error``.

    Raises ``ValueError`` when ``tau`` is not positive.
    """
    if tau <= 0:
        raise ValueError("tau has to be positive.")
    if error == 0:
        return 0.0
    own, mixed = error * error, tau * tau
    return sqrt(
        2
        * own
        * (own + mixed)
        / mixed
        * (-log(1 - confidence) + 0.5 * log((own + mixed) / own))
    )


def p_value(difference: Difference, tau: float) -> float:
    """Return the always-valid p of no effect at one look."""
    if difference.error == 0:
        return 1.0 if difference.value == 0 else 0.0
    own, mixed = difference.error**2, tau * tau
    grown = mixed * difference.value**2 / (2 * own * (own + mixed))
    ratio = 0.5 * log(own / (own + mixed)) + grown
    return 1.0 if ratio <= 0 else exp(-ratio)


def read(treated: Sums, control: Sums, *, tau: float) -> Reading:
    """Compare two means at one look."""
    if min(treated.count, control.count) < FEWEST:
        return Reading(None, 1.0)
    difference = Difference.between(treated, control)
    width = half_width(difference.error, tau)
    estimate = Effect(
        difference.value, difference.value - width, difference.value + width
    )
    return Reading(estimate, p_value(difference, tau))


def tau_for(smallest: float) -> float:
    """Return the deviation that makes effects of about ``smallest`` found soonest.

    A mixture as wide as the effect one cares about is near the best there is for it.
    """
    return abs(smallest) or inf
