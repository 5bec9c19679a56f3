"""One function multiplies tokens by a price."""

import re
from pathlib import Path

import pytest

from inference.catalog.pricing import amount_of

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
