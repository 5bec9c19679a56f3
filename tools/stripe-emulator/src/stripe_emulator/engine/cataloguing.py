"""How products and prices come to be, by themselves or inside another request."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata, new_id
from stripe_emulator.engine.pricing import decimal_text
from stripe_emulator.errors import ApiError
from stripe_emulator.store import Document

Params = dict[str, Any]
PRODUCT_FIELDS = ("description", "statement_descriptor", "unit_label", "url")


def create_product(account: Account, params: Params) -> Document:
    """A product, with its default price when one is described."""
    identifier = params.get("id") or new_id("prod", 14)
    if account.find("product", identifier):
        raise ApiError(
            "Product already exists.", code="resource_already_exists", param="id"
        )
    now = account.now()
    product: Document = {
        "id": identifier,
        "object": "product",
        "active": params.get("active", True),
        "created": now,
        "default_price": None,
        "description": None,
        "images": params.get("images") or [],
        "livemode": False,
        "marketing_features": params.get("marketing_features") or [],
        "metadata": {},
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": params.get("tax_code"),
        "type": params.get("type", "service"),
        "unit_label": None,
        "updated": now,
        "url": None,
    }
    apply_product(product, params)
    account.put(product)
    if "default_price_data" in params:
        data = {**params["default_price_data"], "product": product["id"]}
        product["default_price"] = create_price(account, data)["id"]
        account.put(product)
    account.emit("product.created", product)
    return product


def apply_product(product: Document, params: Params) -> None:
    """Write what ``params`` names into ``product``."""
    for name in PRODUCT_FIELDS:
        if name in params:
            product[name] = params[name] or None
    for name in ("active", "name", "images", "marketing_features", "tax_code"):
        if name in params:
            product[name] = params[name] or ([] if name.endswith("s") else params[name])
    merge_metadata(product, params.get("metadata"))


def price_from_data(account: Account, data: Params, where: str) -> Document:
    """An inline price, with an inline product when need be."""
    product = data.get("product")
    if product is None and "product_data" in data:
        product = create_product(account, data["product_data"])["id"]
    if product is None:
        raise ApiError("You must specify a product.", param=f"{where}[product]")
    kept = {key: value for key, value in data.items() if key != "product_data"}
    return create_price(account, {**kept, "product": product})


def create_price(account: Account, params: Params) -> Document:
    """A price; amounts never change afterwards."""
    product = params.get("product")
    if product is None:
        if "product_data" not in params:
            raise ApiError("You must specify a product.", param="product")
        product = create_product(account, params["product_data"])["id"]
    account.refer("product", product, "product")
    recurring = params.get("recurring")
    scheme = params.get("billing_scheme", "per_unit")
    amount, decimal = _amounts(params, scheme)
    if "lookup_key" in params:
        take_lookup_key(account, params)
    price: Document = {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": scheme,
        "created": account.now(),
        "currency": params["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": params.get("metadata") or {},
        "nickname": params.get("nickname"),
        "product": product,
        "recurring": recurring
        and {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": recurring.get("meter"),
            "trial_period_days": recurring.get("trial_period_days"),
            "usage_type": recurring.get("usage_type", "licensed"),
        },
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": decimal,
    }
    if scheme == "tiered":
        price["tiers"] = _tiers(params)
    if recurring and price["recurring"]["usage_type"] == "metered":
        _check_meter(account, price["recurring"])
    account.put(price)
    account.emit("price.created", price)
    return price


def _amounts(params: Params, scheme: str) -> tuple[int | None, str | None]:
    if scheme == "tiered":
        return None, None
    if "unit_amount_decimal" in params:
        text = decimal_text(params["unit_amount_decimal"])
        return (int(text) if "." not in text else None), text
    if "unit_amount" not in params:
        raise ApiError(
            "Missing required param: unit_amount.",
            code="parameter_missing",
            param="unit_amount",
        )
    amount = params["unit_amount"]
    if amount < 0:
        raise ApiError(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param="unit_amount",
        )
    return amount, str(amount)


def _tiers(params: Params) -> list[dict[str, Any]]:
    tiers = params.get("tiers")
    if not tiers or "tiers_mode" not in params:
        raise ApiError("Tiered prices need tiers and tiers_mode.", param="tiers")
    if tiers[-1]["up_to"] != "inf":
        raise ApiError("The last tier must have up_to=inf.", param="tiers")
    return [
        {
            "flat_amount": tier.get("flat_amount"),
            "flat_amount_decimal": tier.get("flat_amount_decimal"),
            "unit_amount": tier.get("unit_amount"),
            "unit_amount_decimal": tier.get("unit_amount_decimal")
            or (str(tier["unit_amount"]) if "unit_amount" in tier else None),
            "up_to": None if tier["up_to"] == "inf" else int(tier["up_to"]),
        }
        for tier in tiers
    ]


def _check_meter(account: Account, recurring: dict[str, Any]) -> None:
    if not recurring["meter"]:
        raise ApiError(
            "Metered prices must be backed by a meter.", param="recurring[meter]"
        )
    account.refer("billing.meter", recurring["meter"], "recurring[meter]")


def take_lookup_key(account: Account, params: Params) -> None:
    """Free the lookup key that ``params`` asks for, when it may be moved."""
    key = params["lookup_key"]
    for other in account.scan("price"):
        if other["lookup_key"] != key or not key:
            continue
        if not params.get("transfer_lookup_key"):
            raise ApiError(
                f"A price (`{other['id']}`) already uses that lookup key.",
                param="lookup_key",
            )
        other["lookup_key"] = None
        account.put(other)
