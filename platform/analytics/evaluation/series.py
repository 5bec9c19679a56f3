"""What is made of the numbers of a trend once they are there."""

from collections.abc import Sequence

from analytics.questions import Formula

Value = float | None


def combined(
    formula: Formula, one: Sequence[Value], two: Sequence[Value]
) -> list[Value]:
    """Return the formula of two series, bucket by bucket; over 0 there is no ratio."""
    return [_of(formula, a, b) for a, b in zip(one, two, strict=True)]


def moving_average(values: Sequence[Value], over: int) -> list[Value]:
    """Return the mean of each value and those before it, ``over`` of them in all.

    There is none before so many are there, nor where one of them has no value.
    """
    found: list[Value] = []
    for end in range(1, len(values) + 1):
        window = values[max(end - over, 0) : end]
        known = [value for value in window if value is not None]
        found.append(sum(known) / over if len(known) == over else None)
    return found


def _of(formula: Formula, a: Value, b: Value) -> Value:
    if a is None or b is None:
        return None
    if formula == Formula.RATIO:
        return a / b if b else None
    return a + b if formula == Formula.SUM else a - b
