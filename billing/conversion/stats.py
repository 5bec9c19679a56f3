"""The statistics of conversion: pure functions on plain numbers.

Formulas: Wilson (1927) for a share; π = α·(p − c)·N for the profit. Money comes
and goes in minor units (cents) unless a name says otherwise.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, sqrt
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


def sum_interval(
    count: int, total: float, squares: float, *, confidence: float = 0.95
) -> Interval | None:
    """Return Student's interval of a sum: count · (mean ± t·s ÷ √count).

    ``squares`` is the sum of the squared values. ``None`` below two of them.
    """
    if count < 2:
        return None
    mean = total / count
    variance = max(0.0, (squares - count * mean * mean) / (count - 1))
    spread = student_quantile(0.5 + confidence / 2, count - 1) * sqrt(variance * count)
    return Interval(low=total - spread, high=total + spread)


def student_quantile(probability: float, freedom: int) -> float:
    """Return Student's t by its expansion around the normal quantile.

    Abramowitz and Stegun 26.7.5: good to six digits from 20 degrees of freedom on.
    """
    z = NormalDist().inv_cdf(probability)
    return (
        z
        + (z**3 + z) / 4 / freedom
        + (5 * z**5 + 16 * z**3 + 3 * z) / 96 / freedom**2
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384 / freedom**3
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z)
        / 92_160
        / freedom**4
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitModel:
    """π = α·(p − c)·N with exact arithmetic.

    ``developers`` is N, ``share`` is α between 0 and 1, ``price`` is p and
    ``cost`` is c, both per converted developer in the same unit of money.
    """

    developers: int
    share: Fraction
    price: Fraction
    cost: Fraction

    @property
    def margin(self) -> Fraction:
        return self.price - self.cost

    @property
    def profit(self) -> Fraction:
        """π, in the unit of ``price``."""
        return self.share * self.margin * self.developers

    @property
    def profit_without_share(self) -> Fraction:
        """(p − c)·N: what comes out when α is forgotten; also ∂π/∂α."""
        return self.margin * self.developers

    def sensitivities(self) -> dict[str, Fraction]:
        """Return ∂π/∂x for each of the four."""
        return {
            "share": self.profit_without_share,
            "price": self.share * self.developers,
            "cost": -self.share * self.developers,
            "developers": self.share * self.margin,
        }

    def break_even(self, fixed_cost: Fraction) -> "BreakEven":
        """Return what each number would have to be for π to cover ``fixed_cost``."""
        if self.margin <= 0:
            return BreakEven(
                share=None, price=self._break_even_price(fixed_cost), developers=None
            )
        per_developer = self.share * self.margin
        return BreakEven(
            share=fixed_cost / self.profit_without_share if self.developers else None,
            price=self._break_even_price(fixed_cost),
            developers=ceil(fixed_cost / per_developer) if per_developer else None,
        )

    def _break_even_price(self, fixed_cost: Fraction) -> Fraction | None:
        customers = self.share * self.developers
        return self.cost + fixed_cost / customers if customers else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """The value of one number, the others held; ``None`` where none would do."""

    share: Fraction | None
    price: Fraction | None
    developers: int | None

    @property
    def share_percent(self) -> Fraction | None:
        return None if self.share is None else self.share * 100
