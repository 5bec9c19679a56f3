"""Encryption, ids and money."""

from typing import Any

import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from core.crypto import decrypt, encrypt, keyed_digest
from core.ids import new_public_id
from core.money import (
    NANO,
    format_amount,
    format_exact,
    format_minor,
    format_nano,
    minor_per_unit,
    minor_to_nano,
)


def test_what_is_encrypted_can_be_read_and_never_looks_the_same() -> None:
    first, second = encrypt("秘密 seed"), encrypt("秘密 seed")

    assert first != second
    assert "seed" not in first
    assert decrypt(first) == decrypt(second) == "秘密 seed"


def test_an_old_key_still_reads_and_the_new_one_writes(settings: Any) -> None:
    settings.FIELD_KEYS = ["old"]
    kept = encrypt("seed")
    settings.FIELD_KEYS = ["new", "old"]
    written = encrypt("seed")

    assert decrypt(kept) == "seed"
    settings.FIELD_KEYS = ["new"]
    assert decrypt(written) == "seed"
    with pytest.raises(InvalidToken):
        decrypt(kept)


def test_a_changed_text_is_not_read() -> None:
    token = encrypt("seed")

    with pytest.raises(InvalidToken):
        decrypt(token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))


def test_digests_differ_by_purpose_and_by_pepper(settings: Any) -> None:
    one = keyed_digest("secret", purpose="api-key")
    other = keyed_digest("secret", purpose="invitation")
    settings.FIELD_KEYS = ["new", *settings.FIELD_KEYS]
    rotated = keyed_digest("secret", purpose="api-key")
    settings.DIGEST_KEY = "another"

    assert len(one) == 64
    assert one != other
    assert one == rotated
    assert one != keyed_digest("secret", purpose="api-key")


def test_ids_name_their_kind_and_do_not_repeat() -> None:
    made = {new_public_id("org") for _ in range(2000)}

    assert len(made) == 2000
    assert all(name.startswith("org_") and len(name) == 26 for name in made)
    assert all(name[4:].isalnum() and name.isascii() for name in made)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "usd", "$0.00"),
        (-1234, "usd", "-$12.34"),
        (123_456_789, "eur", "€1,234,567.89"),
        (500, "jpy", "JPY 500"),
        (50_000, "VND", "VND 50,000"),
        (1_234, "kwd", "KWD 1.234"),
        (-5, "clp", "-CLP 5"),
        (500, "isk", "ISK 5.00"),
        (1999, "cny", "¥19.99"),
        (1, "chf", "CHF 0.01"),
    ],
)
def test_minor_units_are_written_for_people(
    amount: int, currency: str, text: str
) -> None:
    assert format_minor(amount, currency) == text


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"),
        (NANO, "$1.00"),
        (1_500_000, "$0.0015"),
        (1_234_567, "$0.001235"),
        (-2_000_000_000, "-$2.00"),
    ],
)
def test_usage_is_written_with_the_decimals_it_needs(nano: int, text: str) -> None:
    assert format_nano(nano, "usd") == text


@pytest.mark.parametrize(
    ("nano", "shown", "exact"),
    [
        (0, "$0.00", "$0.00"),
        (10_795_246_000, "$10.80", "$10.795246"),
        (1_234_567_890_123, "$1,234.57", "$1,234.567890123"),
        (125 * NANO, "$125.00", "$125.00"),
        (999_600_000, "$1.00", "$0.9996"),
        (345_600_000, "$0.35", "$0.3456"),
        (99_900_000, "$0.10", "$0.0999"),
        (4_200_000, "$0.0042", "$0.0042"),
        (354_400, "$0.00035", "$0.0003544"),
        (1, "$0.000000001", "$0.000000001"),
        (-4_249_000, "-$0.0042", "-$0.004249"),
        (-13_108_812_000, "-$13.11", "-$13.108812"),
    ],
)
def test_an_amount_of_usage_is_short_and_its_exact_value_is_kept(
    nano: int, shown: str, exact: str
) -> None:
    assert format_amount(nano, "usd") == shown
    assert format_exact(nano, "usd") == exact


@given(st.integers(-(10**15), 10**15), st.sampled_from(["usd", "jpy", "cny", "kwd"]))
def test_no_minor_unit_is_lost_on_the_way_to_billionths(
    amount: int, currency: str
) -> None:
    assert minor_to_nano(amount, currency) * minor_per_unit(currency) == amount * NANO
