"""CUPED: what was known of a unit before takes variance out of what came after.

Deng, Xu, Kohavi and Walker (2013). The outcome is lessened by θ times how far the
covariate is from its mean over all arms; θ is one number for all of them, so the
difference between two arms stays unbiased, and its variance falls by the square of
the correlation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from billing.growth.stats.samples import Sums


@dataclass(frozen=True, slots=True)
class PairSample:
    """Sums over ``count`` units of an outcome y and a covariate x from before."""

    count: int
    y: float
    x: float
    yy: float
    xx: float
    xy: float

    @classmethod
    def of(cls, outcomes: Sequence[float], covariates: Sequence[float]) -> Self:
        """Return the sums of plain values. Raises ``ValueError`` for unequal lists."""
        pairs = list(zip(outcomes, covariates, strict=True))
        return cls(
            count=len(pairs),
            y=sum(y for y, _ in pairs),
            x=sum(x for _, x in pairs),
            yy=sum(y * y for y, _ in pairs),
            xx=sum(x * x for _, x in pairs),
            xy=sum(x * y for y, x in pairs),
        )


def theta_of(arms: Sequence[PairSample]) -> float:
    """Return the slope of the outcome on the covariate, within the arms together.

    0 where the covariate does not vary: then nothing is adjusted.
    """
    together = spread = 0.0
    for arm in arms:
        if arm.count:
            together += arm.xy - arm.x * arm.y / arm.count
            spread += arm.xx - arm.x * arm.x / arm.count
    return together / spread if spread > 0 else 0.0


def adjust(arms: Sequence[PairSample]) -> list[Sums]:
    """Return the arms' outcomes with what the covariate explains taken out."""
    theta = theta_of(arms)
    count = sum(arm.count for arm in arms)
    centre = sum(arm.x for arm in arms) / count if count else 0.0
    return [_adjusted(arm, theta, centre) for arm in arms]


def _adjusted(arm: PairSample, theta: float, centre: float) -> Sums:
    # y − θ(x − centre) = (y − θx) + θ·centre
    shift = theta * centre
    plain = arm.y - theta * arm.x
    squares = arm.yy - 2 * theta * arm.xy + theta * theta * arm.xx
    return Sums(
        count=arm.count,
        total=plain + arm.count * shift,
        squares=squares + 2 * shift * plain + arm.count * shift * shift,
    )
