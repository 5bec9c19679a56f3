"""One function multiplies tokens by a price."""

import re
from pathlib import Path

import pytest

from inference.catalog.pricing import PARTS, amount_of, rates_of, worst_of

ROOT = Path(__file__).resolve().parents[3]
RATES = (1_000_000, 500_000, 4_000_000)


@pytest.mark.parametrize(
    ("tokens_in", "cached", "tokens_out", "amount"),
    [
        (0, 0, 0, 0),
        (10, 0, 0, 10),
        (10, 4, 0, 8),
        # Cached tokens are part of the prompt, whatever an upstream claims.
        (10, 99, 0, 5),
        (0, 0, 3, 12),
        (7, 3, 2, 14),
    ],
)
def test_each_kind_of_token_has_its_rate(
    tokens_in: int, cached: int, tokens_out: int, amount: int
) -> None:
    found = amount_of(
        RATES, tokens_in=tokens_in, tokens_cached=cached, tokens_out=tokens_out
    )

    assert found == amount


def test_what_is_less_than_a_billionth_is_one() -> None:
    assert amount_of((1, 1, 1), tokens_in=1) == 1
    assert amount_of((1_000_001, 1, 1), tokens_in=1) == 2
    assert amount_of((1_000_000, 1, 1), tokens_in=1) == 1


def test_a_part_is_sold_at_its_own_rate_where_it_has_one() -> None:
    own = {"reasoning_out": 8_000_000, "audio_in": 3_000_000}
    rates = rates_of(RATES, [own.get(name) for name in PARTS])
    parts = {"reasoning_out": 2, "audio_in": 1, "image_in": 5}

    found = amount_of(rates, tokens_in=10, tokens_cached=4, tokens_out=3, parts=parts)

    # Ten in, of which four are cached and one is sound; three out, two of them thought.
    assert found == 5 * 1 + 4 * 0.5 + 1 * 3 + 1 * 4 + 2 * 8
    plain = rates_of(RATES, [None] * len(PARTS))
    assert plain == RATES
    assert amount_of(plain, tokens_in=10, parts=parts) == 10


def test_what_is_held_is_enough_whatever_part_each_token_turns_out_to_be() -> None:
    rates = rates_of(RATES, [2_000_000, None, None, 9_000_000, 70_000_000, None])
    usual = ("cache_write_in", "reasoning_out")

    held = worst_of(rates, tokens_in=10, tokens_out=3, parts=usual)

    assert held == 10 * 2 + 3 * 9
    parts = {"cache_write_in": 10, "reasoning_out": 3}
    assert amount_of(rates, tokens_in=10, tokens_out=3, parts=parts) == held
    assert worst_of(RATES, tokens_in=10, tokens_out=3, parts=usual) == 22


def test_nothing_else_of_the_area_multiplies_by_a_rate() -> None:
    by_hand = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "inference").rglob("*.py"))
        if re.search(
            r"rates?\[[0-2]\]|// (MILLION|PER_TOKENS|1_000_000)\)?$|\* \w*(price|cost)_(in|out)\b",
            path.read_text(),
            re.MULTILINE,
        )
    ]

    assert by_hand == ["inference/catalog/pricing.py"]
