"""Stripe's form encoding, taken apart."""

from typing import Any

import pytest

from stripe_emulator.errors import InvalidParameter
from stripe_emulator.forms import MAX_DEPTH, MAX_FIELDS, decode


@pytest.mark.parametrize(
    ("encoded", "tree"),
    [
        ("", {}),
        ("email=a%40b.test", {"email": "a@b.test"}),
        ("name=Ada+Lovelace", {"name": "Ada Lovelace"}),
        ("name=", {"name": ""}),
        ("name=%E4%BD%A0%E5%A5%BD", {"name": "你好"}),
        ("address[city]=Bonn", {"address": {"city": "Bonn"}}),
        ("a[b][c][d]=1", {"a": {"b": {"c": {"d": "1"}}}}),
        ("items[0][price]=p&items[1][price]=q", None),
        ("expand[]=a&expand[]=b", {"expand": {"0": "a", "1": "b"}}),
        ("metadata[a%20b]=c", {"metadata": {"a b": "c"}}),
        ("a=1&a=2", {"a": "2"}),
    ],
)
def test_pairs_are_nested(encoded: str, tree: dict[str, Any] | None) -> None:
    if tree is None:
        tree = {"items": {"0": {"price": "p"}, "1": {"price": "q"}}}

    assert decode(encoded) == tree


@pytest.mark.parametrize(
    "encoded",
    [
        "a[=1",
        "a]=1",
        "[a]=1",
        "a[b]c=1",
        "a[[b]]=1",
        "=1",
        "a=1&a[b]=2",
        "a[b]=2&a=1",
        "a[b]=1&a[b][c]=2",
    ],
)
def test_a_name_that_makes_no_sense_is_refused(encoded: str) -> None:
    with pytest.raises(InvalidParameter, match="Invalid parameter name") as refusal:
        decode(encoded)

    assert (refusal.value.status, refusal.value.kind) == (400, "invalid_request_error")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="Invalid request body"):
        decode("name=%FF%FE")


def test_depth_and_number_of_fields_are_limited() -> None:
    deepest = "a" + "[b]" * (MAX_DEPTH - 1)
    assert decode(f"{deepest}=1")

    with pytest.raises(InvalidParameter, match="nested too deep"):
        decode(f"{deepest}[c]=1")
    most = "&".join(f"a{number}=1" for number in range(MAX_FIELDS))
    assert len(decode(most)) == MAX_FIELDS
    with pytest.raises(InvalidParameter, match="Invalid request body"):
        decode(f"{most}&one=more")


def test_an_array_stays_keyed_until_the_contract_is_known() -> None:
    """``metadata[0]`` is a name, ``items[0]`` an element; only the contract knows."""
    assert decode("metadata[0]=x") == {"metadata": {"0": "x"}}
