"""Tiers are charged as Stripe defines them, in integers, and never past a cap."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import NANO
from entitlements.usage_price import (
    MOST_TIERS,
    MOST_USAGE_NANO,
    REFUSED,
    Mode,
    Tier,
    UsagePrice,
)
from stripe_emulator.engine.pricing import amount_for, rounded

CENT = NANO // 100


def tiered(mode: Mode, *tiers: tuple[int | None, int]) -> UsagePrice:
    """Return a price whose tiers end at whole dollars."""
    rows = tuple(Tier(None if end is None else end * NANO, rate) for end, rate in tiers)
    return UsagePrice(mode=mode, tiers=rows)


@st.composite
def tier_prices(draw: st.DrawFn) -> UsagePrice:
    """Graduated and volume prices of two to six tiers."""
    ends = draw(st.lists(st.integers(1, 500), min_size=1, max_size=5, unique=True))
    rates = draw(
        st.lists(st.integers(1, 1_000), min_size=len(ends) + 1, max_size=len(ends) + 1)
    )
    mode = draw(st.sampled_from([Mode.GRADUATED, Mode.VOLUME]))
    return tiered(mode, *zip([*sorted(ends), None], rates, strict=True))


PACKAGES = st.builds(
    lambda size, price: UsagePrice(
        mode=Mode.PACKAGE, package_nano=size * CENT, package_price_nano=price * CENT
    ),
    st.integers(1, 10_000),
    st.integers(1, 10_000),
)
PRICES = st.one_of(
    tier_prices(), PACKAGES, st.builds(UsagePrice.flat, st.integers(1, 1_000))
)


def at_stripe(price: UsagePrice) -> dict[str, Any]:
    """Return a price of Stripe's whose unit is a cent of usage."""
    if price.mode is Mode.PACKAGE:
        return {
            "billing_scheme": "per_unit",
            "transform_quantity": {
                "divide_by": price.package_nano // CENT,
                "round": "up",
            },
            "unit_amount": price.package_price_nano // CENT,
        }
    return {
        "billing_scheme": "tiered",
        "tiers_mode": "volume" if price.mode is Mode.VOLUME else "graduated",
        "tiers": [
            {
                "up_to": None if tier.up_to_nano is None else tier.up_to_nano // CENT,
                "unit_amount_decimal": str(Decimal(tier.percent) / 100),
                "flat_amount": None,
            }
            for tier in price.tiers
        ],
    }


def defined(price: UsagePrice, usage: int) -> Fraction:
    """Return a charge by the words of Stripe's documentation, exactly."""
    if price.mode is Mode.PACKAGE:
        whole, begun = divmod(usage, price.package_nano)
        return Fraction((whole + bool(begun)) * price.package_price_nano)
    ends = [tier.up_to_nano for tier in price.tiers]
    if price.mode is Mode.VOLUME:
        rate = next(
            tier.percent
            for tier in price.tiers
            if tier.up_to_nano is None or usage <= tier.up_to_nano
        )
        return Fraction(usage * rate, 100)
    begins = [0, *(end or 0 for end in ends)]
    return sum(
        (
            Fraction(
                max(min(usage, usage if end is None else end) - begin, 0)
                * tier.percent,
                100,
            )
            for tier, begin, end in zip(price.tiers, begins, ends, strict=False)
        ),
        Fraction(0),
    )


@given(price=PRICES, usage=st.integers(1, 2_000 * NANO))
def test_a_charge_is_what_stripe_defines_rounded_down_once(
    price: UsagePrice, usage: int
) -> None:
    assert price.charge_of(usage) == defined(price, usage) // 1


@given(price=PRICES, cents=st.integers(1, 200_000))
def test_the_emulator_charges_the_same_for_the_same_tiers(
    price: UsagePrice, cents: int
) -> None:
    ours = rounded(Fraction(price.charge_of(cents * CENT), CENT))

    assert ours == amount_for(at_stripe(price), cents)


@given(price=PRICES, usage=st.integers(1, 2_000 * NANO))
def test_parts_sum_to_the_usage_and_to_the_charge(
    price: UsagePrice, usage: int
) -> None:
    parts = list(price.parts_of(usage))

    assert sum(part.usage_nano for part in parts) == usage
    assert sum(part.charge_nano for part in parts) == price.charge_of(usage)
    assert all(part.usage_nano > 0 and part.charge_nano >= 0 for part in parts)
    assert len({part.tier for part in parts}) == len(parts)


@given(
    price=PRICES,
    cap=st.integers(1, 500_000).map(lambda cents: cents * CENT),
    part=st.fractions(0, 1),
)
def test_a_cap_holds_at_every_moment_and_is_used_up(
    price: UsagePrice, cap: int, part: Fraction
) -> None:
    most = price.most_usage(cap)

    ends = [tier.up_to_nano for tier in price.tiers if tier.up_to_nano is not None]
    on_the_way = [most, int(most * part), *ends, *(end + 1 for end in ends)]
    for usage in on_the_way:
        assert usage > most or price.charge_of(usage) <= cap
    if most < MOST_USAGE_NANO:
        # What is next is dearer than the cap: a hundredth of a cent's part may round.
        assert max(price.charge_of(most + step) for step in (1, 101)) > cap


@given(price=PRICES)
def test_a_price_is_stored_and_read_back(price: UsagePrice) -> None:
    assert UsagePrice.from_stored(price.percent, price.stored_tiers) == price


def test_known_amounts() -> None:
    graduated = tiered(Mode.GRADUATED, (100, 120), (500, 100), (None, 80))
    volume = tiered(Mode.VOLUME, (100, 120), (500, 100), (None, 80))

    assert graduated.charge_of(100 * NANO) == 120 * NANO
    assert graduated.charge_of(600 * NANO) == (120 + 400 + 80) * NANO
    # An end belongs to the tier that it ends.
    assert volume.charge_of(100 * NANO) == 120 * NANO
    assert volume.charge_of(100 * NANO + 100) == 100 * NANO + 100
    assert volume.most_usage(119 * NANO) == 119 * NANO * 100 // 120
    # From the second tier on more was charged before: the cap lets it be reached.
    assert volume.most_usage(120 * NANO) == 120 * NANO
    assert REFUSED.most_usage(NANO) == REFUSED.charge_of(NANO) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": Mode.GRADUATED},
        {"mode": Mode.GRADUATED, "tiers": (Tier(NANO, 100),)},
        {"mode": Mode.VOLUME, "tiers": (Tier(None, 1), Tier(None, 1))},
        {"mode": Mode.VOLUME, "tiers": (Tier(2, 1), Tier(2, 1), Tier(None, 1))},
        {"mode": Mode.VOLUME, "tiers": (Tier(0, 1), Tier(None, 1))},
        {"mode": Mode.GRADUATED, "tiers": (Tier(5, 0), Tier(None, 1))},
        {"mode": Mode.GRADUATED, "tiers": (Tier(5, 1), Tier(None, 1_001))},
        {"mode": Mode.FLAT, "tiers": (Tier(5, 1), Tier(None, 2))},
        {"mode": Mode.FLAT, "package_nano": 1},
        {"mode": Mode.PACKAGE, "package_nano": NANO},
        {"mode": Mode.PACKAGE, "package_nano": NANO, "package_price_nano": -1},
        {
            "mode": Mode.GRADUATED,
            "tiers": (*(Tier(n, 1) for n in range(1, MOST_TIERS + 1)), Tier(None, 1)),
        },
    ],
)
def test_a_price_that_nothing_can_be_charged_by_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        UsagePrice(**wrong)
