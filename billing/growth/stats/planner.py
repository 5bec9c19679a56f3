"""How many units an experiment needs, before it begins."""

from math import ceil
from statistics import NormalDist


def units_per_arm(
    share: float, smallest: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return how many units each arm needs to find a rise of ``smallest`` in a share.

    The two-sided normal formula with the variance of both shares. A sequential reading
    needs somewhat more in the worst case, and less where the effect is large. Raises
    ``ValueError`` when either share is outside (0, 1) or nothing is to be found.
    """
    other = share + smallest
    if not (0 < share < 1 and 0 < other < 1) or smallest == 0:
        raise ValueError("Both shares have to be between 0 and 1, and to differ.")
    z = NormalDist()
    reach = z.inv_cdf(1 - alpha / 2) + z.inv_cdf(power)
    spread = share * (1 - share) + other * (1 - other)
    return ceil(reach * reach * spread / smallest**2)
