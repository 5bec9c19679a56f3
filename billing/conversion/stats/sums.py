"""The interval of a sum whose parts are mostly nothing and sometimes much.

Few people pay and some pay a hundred times more: Student's interval then misses on
one side. Hall's (1992, "On the removal of skewness by transformation") corrects it by
the third moment, from three sums, the same ones every time.
"""

from dataclasses import dataclass
from math import cbrt, isclose, sqrt
from statistics import NormalDist

from billing.conversion.stats.shares import Interval

# Cochran (Sampling Techniques, 2.15): a mean of n parts is near enough to normal from
# n = 25·G² on, G being their skewness.
COCHRAN = 25


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and central moments of a population or of a sample."""

    count: int
    mean: float
    variance: float
    third: float

    @property
    def skewness(self) -> float:
        """G: the third moment in standard deviations; 0 where nothing differs."""
        if self.variance <= 0:
            return 0.0
        return self.third / (self.variance * sqrt(self.variance))

    def with_one_more(self, value: float) -> "Moments":
        """Return the moments after one more part of ``value``."""
        n = self.count
        shift = (value - self.mean) / (n + 1)
        apart = value - self.mean
        variance = (n * self.variance + apart**2 * n / (n + 1)) / (n + 1)
        third = (
            n * (self.third - 3 * shift * self.variance - shift**3)
            + (apart - shift) ** 3
        ) / (n + 1)
        return Moments(n + 1, self.mean + shift, variance, third)


def enough_for_sum(moments: Moments) -> int:
    """Return from how many parts on the interval of their sum keeps its promise."""
    return max(2, int(COCHRAN * moments.skewness**2) + 1)


def sum_interval(sample: Moments, *, confidence: float = 0.95) -> Interval | None:
    """Return Hall's interval of what a like group of the same size would sum to.

    ``None`` below two parts. Without skewness it is the plain normal one.
    """
    n = sample.count
    if n < 2:
        return None
    total = n * sample.mean
    deviation = sqrt(sample.variance * n / (n - 1))
    bend = sample.skewness / sqrt(n)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    low, high = _bent(z, bend), _bent(-z, bend)
    return Interval(
        low=total - sqrt(n) * deviation * low, high=total - sqrt(n) * deviation * high
    )


def _bent(z: float, bend: float) -> float:
    """Undo Hall's transformation: which T is z once the skewness is taken off."""
    if isclose(bend, 0, abs_tol=1e-12):
        return z
    return 3 / bend * (cbrt(1 + bend * (z - bend / 6)) - 1)
