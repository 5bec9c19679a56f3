"""Products and prices."""

from typing import Any

import pytest
import stripe

from shopping import Shop


def monthly(product: str, **changes: Any) -> dict[str, Any]:
    return {
        "product": product,
        "currency": "usd",
        "unit_amount": 500,
        "recurring": {"interval": "month"},
        **changes,
    }


def test_a_product_brings_its_default_price_along(client: Any) -> None:
    made = client.v1.products.create(
        {
            "name": "Tea",
            "description": "Green",
            "default_price_data": {"currency": "eur", "unit_amount": 450},
            "expand": ["default_price"],
        }
    )

    assert (made.name, made.description, made.active) == ("Tea", "Green", True)
    assert (made.default_price.unit_amount, made.default_price.type) == (
        450,
        "one_time",
    )
    assert made.default_price.product == made.id


def test_a_product_may_choose_its_id_once(client: Any) -> None:
    made = client.v1.products.create({"id": "tea", "name": "Tea"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.products.create({"id": "tea", "name": "Other"})

    assert made.id == "tea"
    assert refusal.value.code == "resource_already_exists"
    assert client.v1.products.retrieve("tea").name == "Tea"


def test_a_product_changes_and_says_when(client: Any) -> None:
    made = client.v1.products.create({"name": "Tea", "unit_label": "cup"})

    changed = client.v1.products.update(
        made.id, {"name": "Coffee", "unit_label": "", "metadata": {"a": "1"}}
    )

    assert (changed.name, changed.unit_label) == ("Coffee", None)
    event = client.v1.events.list({"type": "product.updated"}).data[0]
    assert event.data.previous_attributes.to_dict()["name"] == "Tea"
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        client.v1.products.update(made.id, {"default_price": "price_none"})
    assert client.v1.products.retrieve(made.id).default_price is None


def test_only_a_product_without_prices_is_deleted(shop: Shop) -> None:
    spare = shop.client.v1.products.create({"name": "Spare"})

    with pytest.raises(stripe.InvalidRequestError, match="cannot be deleted"):
        shop.client.v1.products.delete(shop.product.id)
    assert shop.client.v1.products.delete(spare.id).deleted

    left = shop.client.v1.products.list().data
    assert [one.id for one in left] == [shop.product.id]


def test_products_are_listed_by_what_they_are(client: Any) -> None:
    made = {
        name: client.v1.products.create({"name": name, "active": name != "Old"}).id
        for name in ("Tea", "Coffee", "Old")
    }

    def names(**params: Any) -> list[str]:
        return [one.name for one in client.v1.products.list(params).data]

    assert names() == ["Old", "Coffee", "Tea"]
    assert names(active=True) == ["Coffee", "Tea"]
    assert names(ids=[made["Tea"], made["Old"]]) == ["Old", "Tea"]


def test_a_price_is_told_back_in_every_form(shop: Shop) -> None:
    prices = shop.client.v1.prices
    price = prices.create(
        monthly(
            shop.product.id,
            recurring={"interval": "month", "interval_count": 3},
            nickname="Quarter",
        )
    )

    assert (price.unit_amount, str(price.unit_amount_decimal)) == (500, "500")
    assert (price.type, price.billing_scheme) == ("recurring", "per_unit")
    assert (price.recurring.interval, price.recurring.interval_count) == ("month", 3)
    assert price.recurring.usage_type == "licensed"
    assert prices.retrieve(price.id).nickname == "Quarter"


def test_a_whole_decimal_is_a_whole_amount_too(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "USD",
            "unit_amount_decimal": "500.00",
        }
    )

    assert (price.unit_amount, price.currency) == (500, "usd")


def test_a_price_may_bring_its_product_along(client: Any) -> None:
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 5,
            "product_data": {"name": "Tea"},
            "expand": ["product"],
        }
    )

    assert price.product.name == "Tea"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"unit_amount": -1}, "unit_amount"),
        ({"product": "prod_none"}, "product"),
        ({"billing_scheme": "tiered"}, "tiers"),
        (
            {
                "billing_scheme": "tiered",
                "tiers_mode": "volume",
                "tiers": [{"up_to": 10, "unit_amount": 5}],
            },
            "tiers",
        ),
        ({"recurring": {"interval": "month", "usage_type": "metered"}}, None),
        (
            {
                "recurring": {
                    "interval": "month",
                    "usage_type": "metered",
                    "meter": "mtr_none",
                }
            },
            "recurring[meter]",
        ),
    ],
)
def test_a_price_that_cannot_be_billed_is_refused(
    shop: Shop, changes: Any, param: str | None
) -> None:
    before = len(shop.client.v1.prices.list().data)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.prices.create(monthly(shop.product.id) | changes)

    assert refusal.value.param == (param or "recurring[meter]")
    assert len(shop.client.v1.prices.list().data) == before


def test_an_amount_is_required(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.prices.create({"product": shop.product.id, "currency": "usd"})

    assert (refusal.value.code, refusal.value.param) == (
        "parameter_missing",
        "unit_amount",
    )


def test_tiers_are_shown_when_asked_for(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "recurring": {"interval": "month"},
            "tiers": [
                {"up_to": 10, "unit_amount": 100, "flat_amount": 5},
                {"up_to": "inf", "unit_amount_decimal": "0.5"},
            ],
            "expand": ["tiers"],
        }
    )

    assert price.unit_amount is None
    assert [tier.up_to for tier in price.tiers] == [10, None]
    assert (price.tiers[0].unit_amount, price.tiers[0].flat_amount) == (100, 5)
    plain = shop.client.v1.prices.retrieve(price.id)
    assert "tiers" not in plain.to_dict()


def test_tiers_decide_what_a_subscription_costs(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "recurring": {"interval": "month"},
            "tiers": [
                {"up_to": 2, "unit_amount": 1000},
                {"up_to": "inf", "unit_amount": 500},
            ],
        }
    )
    customer = shop.customer()

    subscription = shop.client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id, "quantity": 5}],
            "expand": ["latest_invoice"],
        }
    )

    assert subscription.latest_invoice.total == 2 * 1000 + 3 * 500


def test_amounts_never_change_and_names_do(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.prices.update(shop.small.id, {"unit_amount": 1})
    changed = shop.client.v1.prices.update(
        shop.small.id, {"nickname": "Small", "active": False, "lookup_key": "s"}
    )

    assert refusal.value.code == "parameter_unknown"
    assert (changed.unit_amount, changed.nickname) == (10000, "Small")
    assert (changed.active, changed.lookup_key) == (False, "s")


def test_a_retired_price_is_not_sold(shop: Shop) -> None:
    shop.client.v1.prices.update(shop.small.id, {"active": False})
    customer = shop.customer()

    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        shop.subscribe(customer.id)
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        shop.session()

    assert shop.client.v1.subscriptions.list({"status": "all"}).data == []


def test_prices_are_listed_by_what_they_are(shop: Shop) -> None:
    prices = shop.client.v1.prices
    once = prices.create(
        {"product": shop.product.id, "currency": "eur", "unit_amount": 5}
    )
    yearly = prices.create(
        monthly(shop.product.id, recurring={"interval": "year"}, lookup_key="year")
    )

    def found(**params: Any) -> list[str]:
        return [price.id for price in prices.list(params).data]

    assert found(type="one_time") == [once.id]
    assert found(currency="eur") == [once.id]
    assert found(recurring={"interval": "year"}) == [yearly.id]
    assert found(lookup_keys=["year"]) == [yearly.id]
    assert found(type="recurring") == [yearly.id, shop.large.id, shop.small.id]
    assert found(product="prod_none") == []
