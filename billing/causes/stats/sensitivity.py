"""How strong something hidden would have to be to explain an effect away.

The E-value (VanderWeele and Ding, 2017): a hidden fact would have to make both the
treatment and the outcome so many times as likely, beyond all that was measured.
"""

from math import sqrt


def e_value(ratio: float) -> float:
    """Return the E-value of a risk ratio; 1 says that nothing hidden is needed."""
    if ratio <= 0:
        return 1.0
    above = ratio if ratio >= 1 else 1 / ratio
    return above + sqrt(above * (above - 1))


def e_value_of_effect(without: float, effect: float) -> float | None:
    """Return the E-value of a difference of shares, ``without`` being the base.

    ``None`` where nobody, or fewer than nobody, would have paid without it: there is
    no ratio then.
    """
    if without <= 0 or without + effect <= 0:
        return None
    return e_value((without + effect) / without)


def e_value_of_interval(
    without: float, effect: float, low: float, high: float
) -> float | None:
    """Return the E-value of the limit nearest to no effect; 1 where zero is inside."""
    if low <= 0 <= high:
        return 1.0
    return e_value_of_effect(without, low if effect > 0 else high)
