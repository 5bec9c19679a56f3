"""What the service refuses is refused here, too: values of the right type."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from shopping import Shop
from stripe_emulator import bounds
from stripe_emulator.errors import ApiError

PRICE = {"currency": "usd", "unit_amount": 5, "product_data": {"name": "x"}}
MONTHLY = {"recurring": {"interval": "month"}}


@pytest.mark.parametrize(
    ("contract", "params", "where"),
    [
        ("customer_create", {"email": "no address"}, "email"),
        ("customer_update", {"name": "x" * 257}, "name"),
        ("customer_update", {"metadata": {"k" * 41: "v"}}, "metadata"),
        ("customer_update", {"metadata": {"k": "v" * 501}}, "metadata"),
        ("price_create", {"currency": "zzz"}, "currency"),
        ("price_create", {"unit_amount_decimal": "0.1234567890123"}, "unit_amount"),
        (
            "price_create",
            {"recurring": {"interval": "year", "interval_count": 4}},
            "recurring",
        ),
        (
            "price_create",
            {"recurring": {"interval": "day", "interval_count": 0}},
            "recurring",
        ),
        ("price_list", {"lookup_keys": [str(n) for n in range(11)]}, "lookup_keys"),
        ("coupon_create", {"name": "x" * 41}, "name"),
        ("promotion_code_create", {"code": "a b!"}, "code"),
        ("tax_rate_create", {"percentage": 100.5}, "percentage"),
        ("subscription_create", {"items": [{"quantity": -1}]}, "items[0][quantity]"),
        ("subscription_create", {"items": [{}] * 21}, "items"),
        ("subscription_create", {"trial_period_days": 731}, "trial_period_days"),
        (
            "checkout.session_create",
            {"subscription_data": {"trial_period_days": 0}},
            "subscription_data[trial_period_days]",
        ),
        (
            "checkout.session_create",
            {"line_items": [{"quantity": 1}, {"quantity": 0}]},
            "line_items[1][quantity]",
        ),
        (
            "checkout.session_create",
            {"client_reference_id": "x" * 201},
            "client_reference_id",
        ),
        ("billing_portal.session_create", {"return_url": "nowhere"}, "return_url"),
        ("invoice_item_create", {"amount": 5}, "currency"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(
    contract: str, params: dict[str, Any], where: str
) -> None:
    with pytest.raises(ApiError) as refusal:
        bounds.check(contract, params)

    assert str(refusal.value.param).startswith(where)


@pytest.mark.parametrize(
    ("contract", "params"),
    [
        ("customer_update", {"email": "", "metadata": {"k": ""}, "name": "小店"}),
        # The names inside are the caller's own.
        ("customer_update", {"metadata": {"email": "none", "quantity": "-1"}}),
        ("price_create", {"currency": "JPY", "unit_amount_decimal": "0.12"}),
        ("subscription_update", {"cancel_at": "", "items": [{"quantity": 0}]}),
        ("invoice_item_create", {"amount": -5, "currency": "usd"}),
    ],
)
def test_a_value_within_its_bounds_passes(
    contract: str, params: dict[str, Any]
) -> None:
    try:
        bounds.check(contract, params)
        refused = ""
    except ApiError as error:
        refused = str(error)

    assert refused == ""


@pytest.mark.parametrize(
    ("contract", "params"),
    [
        ("price_create", {"unit_amount": 1, "unit_amount_decimal": "1"}),
        ("subscription_update", {"cancel_at": 9, "cancel_at_period_end": True}),
        (
            "invoice_item_create",
            {"amount": 1, "currency": "usd", "pricing": {"price": "price_x"}},
        ),
    ],
)
def test_of_two_ways_to_say_it_one_is_allowed(
    contract: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ApiError, match="You may only specify one of these"):
        bounds.check(contract, params)


def _refused(call: Callable[[], object]) -> str:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        call()
    return str(refusal.value.param)


def test_an_amount_goes_on_nothing_of_another_customer(shop: Shop) -> None:
    v1 = shop.client.v1
    own, other = shop.customer(), shop.customer()
    theirs = shop.subscribe(other)
    draft = v1.invoices.create({"customer": other.id})
    price = v1.prices.create({**PRICE, **MONTHLY})
    amount = {"customer": own.id, "amount": 5, "currency": "usd"}

    def add(**params: Any) -> Callable[[], object]:
        return lambda: v1.invoice_items.create({**amount, **params})

    assert _refused(add(subscription=theirs.id)) == "subscription"
    assert _refused(add(invoice=draft.id)) == "invoice"
    assert _refused(add(subscription="sub_none")) == "subscription"
    assert _refused(add(customer=other.id, currency="eur", subscription=theirs.id)) == (
        "currency"
    )
    assert _refused(add(period={"start": 2_000, "end": 1_000})) == "period[end]"
    recurring = {"customer": own.id, "pricing": {"price": price.id}}
    assert _refused(lambda: v1.invoice_items.create(recurring)) == "pricing[price]"
    v1.subscriptions.cancel(theirs.id)
    assert _refused(add(customer=other.id, subscription=theirs.id)) == "subscription"
    assert v1.invoice_items.list({"customer": own.id}).data == []


def test_what_is_paid_by_invoice_has_an_address_and_days(shop: Shop) -> None:
    v1 = shop.client.v1
    price = v1.prices.create({**PRICE, **MONTHLY})
    nameless = v1.customers.create({"name": "x"})
    known = shop.customer()

    def order(customer: str, **params: Any) -> Callable[[], object]:
        items = [{"price": price.id}]
        return lambda: v1.subscriptions.create(
            {"customer": customer, "items": items, **params}
        )

    mailed = {"collection_method": "send_invoice"}
    assert _refused(order(known.id, **mailed)) == "days_until_due"
    assert _refused(order(known.id, days_until_due=5)) == "days_until_due"
    with pytest.raises(stripe.InvalidRequestError, match="Missing email"):
        order(nameless.id, **mailed, days_until_due=5)()
    assert order(known.id, **mailed, days_until_due=5)()


def test_what_is_over_cannot_be_an_end(shop: Shop) -> None:
    v1 = shop.client.v1
    made = shop.subscribe(shop.customer())
    once = {"percent_off": 5, "duration": "once", "redeem_by": 1_000}
    item = made["items"].data[0].id

    def change(**params: Any) -> Callable[[], object]:
        return lambda: v1.subscriptions.update(made.id, params)

    assert _refused(change(cancel_at=1_000)) == "cancel_at"
    assert _refused(lambda: v1.coupons.create(once)) == "redeem_by"
    assert (
        _refused(
            change(
                items=[{"id": item, "quantity": 2}],
                payment_behavior="pending_if_incomplete",
                metadata={"a": "b"},
            )
        )
        == "metadata"
    )
