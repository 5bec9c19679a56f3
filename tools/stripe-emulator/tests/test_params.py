"""Parameters against the SDK's own types."""

import contextlib
from typing import Any

import pytest

from stripe_emulator.errors import InvalidParameter
from stripe_emulator.forms import decode
from stripe_emulator.params import check
from stripe_emulator.routes import ROUTES


def checked(contract: str, encoded: str) -> dict[str, Any]:
    """Return what ``contract`` makes of a form's text."""
    return check(contract, decode(encoded))


def test_every_route_has_a_contract_in_the_installed_sdk() -> None:
    # Loading is what fails when an SDK renames or removes one.
    refused = []
    for method, path, _, contract in ROUTES:
        with contextlib.suppress(InvalidParameter):
            check(contract, {})
            continue
        refused.append((method, path))

    # Those that need a parameter; every other call may come without any.
    assert ("POST", "/v1/prices") in refused
    assert all(method in {"POST", "GET"} for method, _ in refused)
    assert len(refused) < len(ROUTES) / 3


def test_no_call_is_listed_twice() -> None:
    calls = [(method, path) for method, path, _, _ in ROUTES]

    assert sorted(calls) == sorted(set(calls))
    assert len(calls) > 100


@pytest.mark.parametrize(
    ("contract", "encoded", "values"),
    [
        ("customer_create", "balance=-5", {"balance": -5}),
        ("customer_create", "email=a@b.c&name=Ada", {"email": "a@b.c", "name": "Ada"}),
        ("customer_create", "address[city]=Bonn", {"address": {"city": "Bonn"}}),
        # Both may be emptied, which is how a field is unset.
        ("customer_create", "address=", {"address": ""}),
        ("customer_create", "metadata=", {"metadata": ""}),
        ("customer_create", "metadata[0]=x", {"metadata": {"0": "x"}}),
        (
            "customer_create",
            "preferred_locales[0]=zh&preferred_locales[1]=en",
            {"preferred_locales": ["zh", "en"]},
        ),
        ("product_create", "name=T&active=false", {"name": "T", "active": False}),
        ("product_create", "name=T&active=True", {"name": "T", "active": True}),
        ("coupon_create", "percent_off=12.5", {"percent_off": 12.5}),
        ("coupon_create", "duration=forever", {"duration": "forever"}),
        ("customer_list", "created[gte]=5", {"created": {"gte": 5}}),
        ("customer_list", "created=5", {"created": 5}),
        ("customer_list", "limit=3&expand[0]=data.tax", None),
        ("subscription_create", "customer=c&trial_end=now", None),
        ("subscription_create", "customer=c&trial_end=99", None),
        (
            "subscription_create",
            "customer=c&items[0][price]=p&items[0][quantity]=2",
            None,
        ),
    ],
)
def test_a_forms_text_becomes_what_the_type_says(
    contract: str, encoded: str, values: dict[str, Any] | None
) -> None:
    special: dict[str, dict[str, Any]] = {
        "limit=3&expand[0]=data.tax": {"limit": 3, "expand": ["data.tax"]},
        "customer=c&trial_end=now": {"customer": "c", "trial_end": "now"},
        "customer=c&trial_end=99": {"customer": "c", "trial_end": 99},
        "customer=c&items[0][price]=p&items[0][quantity]=2": {
            "customer": "c",
            "items": [{"price": "p", "quantity": 2}],
        },
    }

    found = checked(contract, encoded)

    assert found == (special[encoded] if values is None else values)
    # 1 == True: a boolean has to be one.
    assert [type(value) for value in found.values()] == [
        type(value) for value in (values or special.get(encoded, {})).values()
    ]


@pytest.mark.parametrize(
    ("contract", "encoded", "code", "param"),
    [
        ("customer_create", "nickname=x", "parameter_unknown", "nickname"),
        ("customer_create", "address[town]=x", "parameter_unknown", "address[town]"),
        ("customer_create", "balance=1.5", "parameter_invalid_integer", "balance"),
        ("customer_create", "balance=1e3", "parameter_invalid_integer", "balance"),
        (
            "customer_create",
            "balance=999999999999",
            "parameter_invalid_integer",
            "balance",
        ),
        ("customer_create", "balance=1_0", "parameter_invalid_integer", "balance"),
        ("customer_create", "balance=+5", "parameter_invalid_integer", "balance"),
        ("customer_create", "balance=%D9%A3", "parameter_invalid_integer", "balance"),
        ("customer_create", "email=", "parameter_invalid_empty", "email"),
        ("coupon_create", "percent_off=nan", None, "percent_off"),
        ("coupon_create", "percent_off=inf", None, "percent_off"),
        (
            "price_create",
            "currency=usd&unit_amount_decimal=1e99",
            None,
            "unit_amount_decimal",
        ),
        ("product_create", "active=true", "parameter_missing", "name"),
        ("product_create", "name=T&active=yes", None, "active"),
        ("coupon_create", "percent_off=many", None, "percent_off"),
        ("coupon_create", "duration=always", None, "duration"),
        ("customer_create", "preferred_locales[x]=zh", None, "preferred_locales"),
        ("price_create", "unit_amount=1", "parameter_missing", "currency"),
        (
            "price_create",
            "currency=usd&unit_amount_decimal=NaN",
            None,
            "unit_amount_decimal",
        ),
        (
            "price_create",
            "currency=usd&recurring[interval]=fortnight",
            None,
            "recurring[interval]",
        ),
        (
            "price_create",
            "currency=usd&recurring[interval_count]=2",
            "parameter_missing",
            "recurring[interval]",
        ),
        (
            "subscription_create",
            "customer=c&items[1][prize]=p",
            "parameter_unknown",
            "items[1][prize]",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    contract: str, encoded: str, code: str | None, param: str
) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        checked(contract, encoded)

    assert (refusal.value.code, refusal.value.param) == (code, param)
    assert refusal.value.status == 400


def test_a_refused_enumeration_says_what_there_is() -> None:
    with pytest.raises(
        InvalidParameter, match="must be one of forever, once, repeating"
    ):
        checked("coupon_create", "duration=always")


@pytest.mark.parametrize(
    "name", ["api_key", "stripe_version", "stripe_account", "idempotency_key"]
)
def test_options_of_the_transport_are_no_parameters(name: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        checked("customer_create", f"{name}=x")

    assert refusal.value.code == "parameter_unknown"


def test_elements_are_ordered_by_their_number_not_their_place() -> None:
    found = checked(
        "customer_create",
        "&".join(f"preferred_locales[{number}]=l{number}" for number in (10, 2, 0)),
    )

    assert found["preferred_locales"] == ["l0", "l2", "l10"]


def test_decimals_keep_every_digit() -> None:
    found = checked("price_create", "currency=usd&unit_amount_decimal=0.000000000001")

    assert found["unit_amount_decimal"] == "0.000000000001"
