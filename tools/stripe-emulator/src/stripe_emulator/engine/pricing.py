"""What a quantity of a price costs, in minor units."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from stripe_emulator.store import Document


def rounded(amount: Fraction | Decimal) -> int:
    """Half a cent rounds away from zero."""
    exact = Fraction(amount)
    sign = -1 if exact < 0 else 1
    return sign * int((abs(exact) + Fraction(1, 2)) // 1)


def prorated(amount: int, start: int, end: int, at: int) -> int:
    """The part of ``amount`` that belongs to the time from ``at`` to ``end``."""
    return rounded(Fraction(amount * (end - at), end - start))


def amount_for(price: Document, quantity: int | Decimal) -> int:
    """The amount of ``quantity`` units, by unit price, packages or tiers."""
    units = Decimal(quantity)
    transform = price.get("transform_quantity")
    if transform:
        packages = units / transform["divide_by"]
        up = transform["round"] == "up"
        units = packages.to_integral_value("ROUND_CEILING" if up else "ROUND_FLOOR")
    if price["billing_scheme"] == "tiered":
        return _tiered(price["tiers"], price["tiers_mode"], units)
    return rounded(units * unit_amount(price))


def unit_amount(price: dict[str, Any]) -> Decimal:
    """A price's (or a tier's) unit amount, however it was given."""
    if price.get("unit_amount_decimal") is not None:
        return Decimal(price["unit_amount_decimal"])
    return Decimal(price.get("unit_amount") or 0)


def decimal_text(value: Decimal | int | str) -> str:
    """A decimal as the API prints it: no exponent, no trailing zeros."""
    text = format(Decimal(value).quantize(Decimal("1e-12"), ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".") or "0"


def _tiered(tiers: list[dict[str, Any]], mode: str, units: Decimal) -> int:
    total, floor = Decimal(0), Decimal(0)
    for tier in tiers:
        ceiling = None if tier["up_to"] is None else Decimal(tier["up_to"])
        reaches = ceiling is None or units <= ceiling
        if mode == "volume":
            if reaches:
                return rounded(units * unit_amount(tier) + (tier["flat_amount"] or 0))
            continue
        inside = (units if reaches or ceiling is None else ceiling) - floor
        if inside > 0 or not total:
            total += inside * unit_amount(tier) + (tier["flat_amount"] or 0)
        if reaches or ceiling is None:
            break
        floor = ceiling
    return rounded(total)
