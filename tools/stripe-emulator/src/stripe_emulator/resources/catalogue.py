"""Products and prices."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata
from stripe_emulator.engine.cataloguing import apply_product, take_lookup_key
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]


def retrieve_product(account: Account, params: Params, product: str) -> Document:
    """The product."""
    return account.get("product", product)


def update_product(account: Account, params: Params, product: str) -> Document:
    """Change a product."""
    found = account.get("product", product)
    before = account.snapshot(found)
    apply_product(found, params)
    if params.get("default_price"):
        account.refer("price", params["default_price"], "default_price")
        found["default_price"] = params["default_price"]
    if account.snapshot(found) != before:
        found["updated"] = account.now()
    account.put(found)
    account.emit_update("product.updated", found, before)
    return found


def delete_product(account: Account, params: Params, product: str) -> Document:
    """Delete a product that has no prices."""
    found = account.get("product", product)
    if any(price["product"] == product for price in account.scan("price")):
        raise ApiError(
            "This product cannot be deleted because it has one or more user-created "
            "prices."
        )
    account.emit("product.deleted", found)
    found["deleted"] = True
    return account.put(found)


def index_products(account: Account, params: Params) -> Document:
    """Products, by id, activity or URL."""
    return page(
        account,
        "product",
        params,
        url="/v1/products",
        match=lambda product: (
            product["id"] in params.get("ids", [product["id"]])
            and product["active"] == params.get("active", product["active"])
            and product["url"] == params.get("url", product["url"])
        ),
    )


def retrieve_price(account: Account, params: Params, price: str) -> Document:
    """The price."""
    return account.get("price", price)


def update_price(account: Account, params: Params, price: str) -> Document:
    """Change what may change of a price: name, key, activity, metadata."""
    found = account.get("price", price)
    before = account.snapshot(found)
    if "lookup_key" in params:
        if params["lookup_key"] != found["lookup_key"]:
            take_lookup_key(account, params)
        found["lookup_key"] = params["lookup_key"] or None
    for name in ("active", "nickname", "tax_behavior"):
        if name in params:
            found[name] = params[name]
    merge_metadata(found, params.get("metadata"))
    account.put(found)
    account.emit_update("price.updated", found, before)
    return found


def index_prices(account: Account, params: Params) -> Document:
    """Prices, by product, lookup keys, type and so on."""
    recurring = params.get("recurring") or {}

    def fits(price: Document) -> bool:
        return (
            all(
                price[name] == params[name]
                for name in ("active", "currency", "product", "type")
                if name in params
            )
            and price["lookup_key"] in params.get("lookup_keys", [price["lookup_key"]])
            and all(
                (price["recurring"] or {}).get(name) == value
                for name, value in recurring.items()
            )
        )

    return page(account, "price", params, url="/v1/prices", match=fits)
