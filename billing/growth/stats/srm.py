"""Sums ratio mismatch: were as many seen in each arm as the split says?"""

from collections.abc import Sequence
from math import exp, lgamma, log

# An alarm hides a result, so it must be rare where nothing is wrong.
ALARM = 0.001
# Beyond, a series and a continued fraction agree to the last digit of a float.
_ROUNDS = 10_000


def mismatch_p(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Return the p of Pearson's chi-square test of counts against a split.

    1 when nobody was seen. Raises ``ValueError`` for fewer than two arms, arms without
    a weight, or lists of unequal length.
    """
    if len(counts) != len(weights) or len(counts) < 2 or min(weights) <= 0:
        raise ValueError("Every arm needs a count and a weight above zero.")
    total, weight = sum(counts), sum(weights)
    if not total:
        return 1.0
    expected = [total * each / weight for each in weights]
    statistic = sum(
        (seen - due) ** 2 / due for seen, due in zip(counts, expected, strict=True)
    )
    return chi_square_tail(statistic, len(counts) - 1)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return P(X ≥ statistic) of a chi-square distribution.

    The regularised incomplete gamma function by its series below the mean and by
    Lentz's continued fraction above it (Numerical Recipes, 6.2).
    """
    shape, half = freedom / 2, statistic / 2
    if half <= 0:
        return 1.0
    front = exp(shape * log(half) - half - lgamma(shape))
    if half < shape + 1:
        return 1.0 - front * _series(shape, half)
    return front * _fraction(shape, half)


def _series(shape: float, half: float) -> float:
    term = total = 1 / shape
    for step in range(1, _ROUNDS):
        term *= half / (shape + step)
        total += term
        if term < total * 1e-16:
            break
    return total


def _fraction(shape: float, half: float) -> float:
    tiny = 1e-300
    b = half + 1 - shape
    c, d = 1 / tiny, 1 / b
    result = d
    for step in range(1, _ROUNDS):
        a = -step * (step - shape)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        result *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return result
