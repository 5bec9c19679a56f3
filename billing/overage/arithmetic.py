"""From usage to money, in integers: parts always sum to the whole."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.money import NANO, minor_per_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A line in money: ``charge_nano`` to the billionth, ``amount`` in minor units."""

    charge_nano: int
    amount: int


def shares_of(whole: int, weights: Sequence[int]) -> Iterator[int]:
    """Divide a whole by weights; the shares sum to it, whatever rounding does."""
    total = sum(weights)
    reached = given = 0
    for weight in weights:
        reached += weight
        due = whole * reached // total if total else 0
        yield due - given
        given = due


def in_minor_units(
    charges: Iterable[int], *, carried_nano: int, currency: str
) -> Iterator[Priced]:
    """Round each charge once and carry what is cut off to the next.

    ``carried_nano`` is what the invoice before had left, below one minor unit. Nothing
    is lost: amounts and what ``carried_after`` leaves sum to the charges.
    """
    unit = NANO // minor_per_unit(currency)
    for charge in charges:
        amount, carried_nano = divmod(carried_nano + charge, unit)
        yield Priced(charge_nano=charge, amount=amount)


def carried_after(priced: Iterable[Priced], *, carried_nano: int, currency: str) -> int:
    """Return what is left below one minor unit after these lines."""
    unit = NANO // minor_per_unit(currency)
    lines = list(priced)
    charged = sum(line.charge_nano for line in lines)
    return carried_nano + charged - unit * sum(line.amount for line in lines)
