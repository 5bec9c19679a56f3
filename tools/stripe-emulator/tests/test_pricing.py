"""What a quantity costs, to the minor unit."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from stripe_emulator.engine.pricing import (
    amount_for,
    decimal_text,
    prorated,
    rounded,
    unit_amount,
)


def price(**changes: Any) -> dict[str, Any]:
    """Return the part of a price that decides amounts."""
    return {
        "billing_scheme": "per_unit",
        "unit_amount": 100,
        "unit_amount_decimal": None,
        "transform_quantity": None,
        "tiers": None,
        "tiers_mode": None,
        **changes,
    }


def tier(
    up_to: int | None,
    unit: int | None = None,
    flat: int | None = None,
    decimal: str | None = None,
) -> dict[str, Any]:
    return {
        "up_to": up_to,
        "unit_amount": unit,
        "unit_amount_decimal": decimal,
        "flat_amount": flat,
    }


@pytest.mark.parametrize(
    ("exact", "whole"),
    [
        ("0", 0),
        ("0.4999", 0),
        ("0.5", 1),
        ("1.5", 2),
        ("2.5", 3),
        ("-0.4999", 0),
        ("-0.5", -1),
        ("-2.5", -3),
        ("99999999999.5", 100000000000),
    ],
)
def test_half_a_cent_goes_away_from_zero(exact: str, whole: int) -> None:
    assert rounded(Decimal(exact)) == whole
    assert rounded(Fraction(exact)) == whole


def test_a_third_is_exact_until_it_is_rounded() -> None:
    assert rounded(Fraction(1, 3) * 3) == 1
    assert rounded(Fraction(100, 3)) == 33
    assert rounded(Fraction(200, 3)) == 67


@pytest.mark.parametrize(
    ("amount", "at", "part"),
    [
        (3000, 0, 3000),
        (3000, 15, 1500),
        (3000, 30, 0),
        (1000, 10, 667),
        (-1000, 10, -667),
    ],
)
def test_a_proration_is_the_part_that_is_left(amount: int, at: int, part: int) -> None:
    assert prorated(amount, 0, 30, at) == part


def test_what_was_used_and_what_is_left_are_the_whole() -> None:
    for at in range(31):
        used, left = 9999 - prorated(9999, 0, 30, at), prorated(9999, 0, 30, at)
        assert used + left == 9999
        assert left >= 0


@pytest.mark.parametrize("quantity", [0, 1, 3, 1_000_000])
def test_units_are_multiplied(quantity: int) -> None:
    assert amount_for(price(unit_amount=1999), quantity) == 1999 * quantity


def test_a_decimal_price_is_rounded_once_for_all_units() -> None:
    fine = price(unit_amount=None, unit_amount_decimal="0.125")

    assert [amount_for(fine, number) for number in (1, 3, 4, 8, 1000)] == [
        0,
        0,
        1,
        1,
        125,
    ]


def test_a_decimal_wins_over_the_whole_amount() -> None:
    assert unit_amount(price(unit_amount=1, unit_amount_decimal="1.5")) == Decimal(
        "1.5"
    )
    assert unit_amount(price()) == 100
    assert unit_amount({}) == 0


@pytest.mark.parametrize(
    ("direction", "quantity", "amount"),
    [
        ("up", 0, 0),
        ("up", 1, 500),
        ("up", 10, 500),
        ("up", 11, 1000),
        ("down", 9, 0),
        ("down", 10, 500),
        ("down", 19, 500),
        ("down", 20, 1000),
    ],
)
def test_packages_are_whole(direction: str, quantity: int, amount: int) -> None:
    package = price(
        unit_amount=500, transform_quantity={"divide_by": 10, "round": direction}
    )

    assert amount_for(package, quantity) == amount


GRADUATED = [tier(10, unit=100), tier(20, unit=50, flat=30), tier(None, unit=10)]


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        (1, 100),
        (10, 1000),
        (11, 1000 + 50 + 30),
        (20, 1000 + 500 + 30),
        (25, 1000 + 500 + 30 + 50),
    ],
)
def test_graduated_tiers_bill_each_unit_at_its_own(quantity: int, amount: int) -> None:
    found = price(billing_scheme="tiered", tiers_mode="graduated", tiers=GRADUATED)

    assert amount_for(found, quantity) == amount


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [(1, 100), (10, 1000), (11, 11 * 50 + 30), (20, 20 * 50 + 30), (25, 250)],
)
def test_volume_tiers_bill_all_units_at_the_last(quantity: int, amount: int) -> None:
    found = price(billing_scheme="tiered", tiers_mode="volume", tiers=GRADUATED)

    assert amount_for(found, quantity) == amount


def test_nothing_used_still_pays_the_first_flat_amount() -> None:
    tiers = [tier(10, unit=100, flat=500), tier(None, unit=50)]
    found = price(billing_scheme="tiered", tiers_mode="graduated", tiers=tiers)

    assert amount_for(found, 0) == 500


def test_tiers_take_decimals() -> None:
    tiers = [tier(None, decimal="0.4")]
    found = price(billing_scheme="tiered", tiers_mode="graduated", tiers=tiers)

    assert [amount_for(found, number) for number in (1, 2, 5)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", "1"),
        ("1.50", "1.5"),
        ("0.000", "0"),
        ("100", "100"),
        (Decimal("1E+3"), "1000"),
        ("0.000000000001", "0.000000000001"),
        ("-2.50", "-2.5"),
    ],
)
def test_decimals_are_written_plainly(value: str | Decimal, text: str) -> None:
    assert decimal_text(value) == text
