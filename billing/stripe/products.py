"""What we sell, at Stripe: products and their prices."""

from typing import Any

from billing.stripe import convert
from billing.stripe.adapter import client, translated
from billing.stripe.exceptions import StripeMissing
from billing.stripe.objects import Price


def has_product(product_id: str) -> bool:
    """Say whether Stripe has a product of this id."""
    try:
        with translated():
            found = client().v1.products.retrieve(product_id)
    except StripeMissing:
        return False
    return not found.to_dict().get("deleted")


def has_price(price_id: str) -> bool:
    """Say whether Stripe still sells the price."""
    if not price_id:
        return False
    try:
        with translated():
            found = client().v1.prices.retrieve(price_id)
    except StripeMissing:
        return False
    return bool(found.to_dict().get("active"))


def ensure_product(*, key: str, name: str, product_id: str = "") -> str:
    """Return the product of the plan ``key``; create or rename it when needed."""
    with translated():
        products = client().v1.products
        if product_id:
            with_name = products.update(product_id, {"name": name, "active": True})
            return str(with_name.id)
        for product in products.list({"limit": 100, "active": True}).auto_paging_iter():
            if product.to_dict()["metadata"].get("plan") == key:
                return str(product.id)
        created = products.create(
            {"name": name, "metadata": {"plan": key}},
            {"idempotency_key": f"product:{key}"},
        )
        return str(created.id)


def find_price(lookup_key: str) -> Price | None:
    """Return the active price that carries ``lookup_key``."""
    with translated():
        found = client().v1.prices.list({"lookup_keys": [lookup_key], "active": True})
        rows = found.to_dict(for_json=True)["data"]
        return convert.price(rows[0]) if rows else None


def create_price(
    *,
    product_id: str,
    lookup_key: str,
    unit_amount: int,
    currency: str,
    interval: str,
    idempotency_key: str,
) -> Price:
    """Create a recurring price and give it ``lookup_key``, also if another has it.

    ``unit_amount`` in minor units; the same again makes no second one.
    """
    params: Any = {
        "product": product_id,
        "lookup_key": lookup_key,
        "transfer_lookup_key": True,
        "unit_amount": unit_amount,
        "currency": currency,
        "recurring": {"interval": interval},
        "tax_behavior": "exclusive",
    }
    with translated():
        made = client().v1.prices.create(params, {"idempotency_key": idempotency_key})
        return convert.price(made.to_dict(for_json=True))


def retire_price(price_id: str) -> None:
    """Stop selling a price; who pays it goes on paying it."""
    with translated():
        client().v1.prices.update(price_id, {"active": False})
