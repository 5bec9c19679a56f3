"""From usage to money, in integers: parts always sum to the whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.money import NANO, minor_per_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A line in money: ``charge_nano`` to the billionth, ``amount`` in minor units."""

    charge_nano: int
    amount: int


def charge_of(usage_nano: int, percent: int) -> int:
    """Return what usage is charged, rounded down to a billionth."""
    return usage_nano * percent // 100


def added_charge(before_nano: int, usage_nano: int, percent: int) -> int:
    """Return what usage adds to what was charged before: together it is the whole."""
    whole = charge_of(before_nano + usage_nano, percent)
    return whole - charge_of(before_nano, percent)


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
