"""Intervals of a share: Wilson (1927)."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that holds the true value with the stated confidence."""

    low: float
    high: float


def wilson_interval(
    successes: int, trials: int, *, confidence: float = 0.95
) -> Interval | None:
    """Return Wilson's interval of a share; ``None`` when nothing was tried.

    Raises ``ValueError`` when the counts cannot be a share.
    """
    if successes < 0 or successes > trials:
        raise ValueError(f"{successes} of {trials} is not a share.")
    if trials == 0:
        return None

    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    spread = z / scale * sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return Interval(
        low=0.0 if successes == 0 else max(0.0, centre - spread),
        high=1.0 if successes == trials else min(1.0, centre + spread),
    )
