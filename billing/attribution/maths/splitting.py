"""Dividing a whole number so that the parts are the whole."""

from collections.abc import Sequence


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Return one whole part of ``amount`` for each weight; they add up to it exactly.

    Hamilton's method of largest remainders: each gets its quota rounded down, and what
    is left goes, one each, to the largest fractions, of equal ones to the earliest. A
    negative amount is divided like its opposite, so that what goes back takes away just
    what had been given. Raises ``ValueError`` without a positive weight.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be at least 0, and one of them above it")
    if amount < 0:
        return [-part for part in split(-amount, weights)]
    parts = [amount * weight // total for weight in weights]
    fractions = [amount * weight % total for weight in weights]
    left = amount - sum(parts)
    order = sorted(range(len(weights)), key=lambda index: (-fractions[index], index))
    for index in order[:left]:
        parts[index] += 1
    return parts
