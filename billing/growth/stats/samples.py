"""What is known of a group of units: counts and sums, never the rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Self


@dataclass(frozen=True, slots=True)
class Sums:
    """Values of ``count`` units: their sum and the sum of their squares.

    A sum of squares of large equal values cancels in floats, so the squares are taken
    around ``pivot``; ``total`` is the plain sum.
    """

    count: int
    total: float
    squares: float
    pivot: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the sums of plain values."""
        listed = list(values)
        pivot = listed[0] if listed else 0.0
        return cls(
            count=len(listed),
            total=sum(listed),
            squares=sum((each - pivot) ** 2 for each in listed),
            pivot=pivot,
        )

    @classmethod
    def of_share(cls, successes: int, count: int) -> Self:
        """Return the sums of values that are 1 or 0.

        Raises ``ValueError`` when the counts cannot be a share.
        """
        if not 0 <= successes <= count:
            raise ValueError(f"{successes} of {count} is not a share.")
        return cls(count=count, total=successes, squares=successes)

    @property
    def mean(self) -> float:
        """The mean; 0 of nobody."""
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """The variance of one value, unbiased; 0 below two of them."""
        if self.count < 2:
            return 0.0
        apart = self.mean - self.pivot
        return max(0.0, self.squares - self.count * apart * apart) / (self.count - 1)

    @property
    def error_squared(self) -> float:
        """The variance of the mean."""
        return self.variance / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Effect:
    """A value with the range that holds the truth at the stated confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of one sample less the mean of another, and its standard error."""

    value: float
    error: float

    @classmethod
    def between(cls, treated: Sums, control: Sums) -> Self:
        return cls(
            value=treated.mean - control.mean,
            error=sqrt(treated.error_squared + control.error_squared),
        )
