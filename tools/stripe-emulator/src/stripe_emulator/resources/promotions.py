"""Coupons, promotion codes, tax rates and entitlement features."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata, new_id
from stripe_emulator.engine import discounts, lifecycle
from stripe_emulator.errors import ApiError
from stripe_emulator.render import public
from stripe_emulator.resources.paging import page, slice_of
from stripe_emulator.store import Document

Params = dict[str, Any]


def create_coupon(account: Account, params: Params) -> Document:
    """A coupon: a percentage or an amount, once, for months or for ever."""
    identifier = params.get("id") or new_id("c", 8)[2:]
    if account.find("coupon", identifier):
        raise ApiError(
            "Coupon already exists.", code="resource_already_exists", param="id"
        )
    if ("percent_off" in params) == ("amount_off" in params):
        raise ApiError("You must pass either percent_off or amount_off, not both.")
    if not 0 < params.get("percent_off", 100) <= 100:
        raise ApiError(
            "percent_off must be more than 0 and at most 100.", param="percent_off"
        )
    if params.get("amount_off", 1) < 1:
        raise ApiError("Invalid positive integer", param="amount_off")
    if "amount_off" in params and "currency" not in params:
        raise ApiError("You must pass currency with amount_off.", param="currency")
    if params.get("redeem_by", account.now() + 1) <= account.now():
        raise ApiError(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="redeem_by",
        )
    duration = params.get("duration", "once")
    if duration == "repeating" and "duration_in_months" not in params:
        raise ApiError(
            "You must pass duration_in_months when duration is repeating.",
            param="duration_in_months",
        )
    coupon: Document = {
        "id": identifier,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": account.now(),
        "currency": params.get("currency"),
        "duration": duration,
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": params.get("metadata") or {},
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    if "applies_to" in params:
        coupon["applies_to"] = {"products": params["applies_to"].get("products", [])}
    account.put(coupon)
    account.emit("coupon.created", coupon)
    return coupon


def retrieve_coupon(account: Account, params: Params, coupon: str) -> Document:
    """The coupon, with today's validity."""
    found = account.get("coupon", coupon)
    found["valid"] = discounts.is_valid(account, found)
    return found


def update_coupon(account: Account, params: Params, coupon: str) -> Document:
    """Rename a coupon or change its metadata."""
    found = account.get("coupon", coupon)
    before = account.snapshot(found)
    if "name" in params:
        found["name"] = params["name"]
    merge_metadata(found, params.get("metadata"))
    account.put(found)
    account.emit_update("coupon.updated", found, before)
    return found


def delete_coupon(account: Account, params: Params, coupon: str) -> Document:
    """Stop new redemptions; discounts already given go on."""
    found = account.get("coupon", coupon)
    account.emit("coupon.deleted", found)
    found.update(valid=False, max_redemptions=found["times_redeemed"])
    account.put(found)
    return {"id": coupon, "object": "coupon", "deleted": True}


def index_coupons(account: Account, params: Params) -> Document:
    """All coupons."""
    return page(account, "coupon", params, url="/v1/coupons")


def create_code(account: Account, params: Params) -> Document:
    """A code customers can type."""
    promotion = params["promotion"]
    coupon = account.refer("coupon", promotion.get("coupon", ""), "promotion[coupon]")
    code = params.get("code") or new_id("c", 8)[2:].upper()
    if any(
        other["active"] and other["code"].casefold() == code.casefold()
        for other in account.scan("promotion_code")
    ):
        raise ApiError(
            f"An active promotion code with `code: {code}` already exists.",
            code="resource_already_exists",
            param="code",
        )
    limits = params.get("restrictions") or {}
    found: Document = {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": params.get("active", True),
        "code": code,
        "created": account.now(),
        "customer": params.get("customer"),
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": params.get("metadata") or {},
        "promotion": {"type": "coupon", "coupon": coupon["id"]},
        "restrictions": {
            "first_time_transaction": limits.get("first_time_transaction", False),
            "minimum_amount": limits.get("minimum_amount"),
            "minimum_amount_currency": limits.get("minimum_amount_currency"),
        },
        "times_redeemed": 0,
    }
    account.put(found)
    account.emit("promotion_code.created", found)
    return found


def retrieve_code(account: Account, params: Params, code: str) -> Document:
    """The promotion code."""
    return account.get("promotion_code", code)


def update_code(account: Account, params: Params, code: str) -> Document:
    """Switch a code on or off, change its metadata."""
    found = account.get("promotion_code", code)
    before = account.snapshot(found)
    found["active"] = params.get("active", found["active"])
    merge_metadata(found, params.get("metadata"))
    account.put(found)
    account.emit_update("promotion_code.updated", found, before)
    return found


def index_codes(account: Account, params: Params) -> Document:
    """Promotion codes, by code, coupon, customer or activity."""

    def fits(code: Document) -> bool:
        typed = str(params.get("code", code["code"]))
        return bool(
            code["active"] == params.get("active", code["active"])
            and code["customer"] == params.get("customer", code["customer"])
            and code["code"].casefold() == typed.casefold()
            and code["promotion"]["coupon"]
            == params.get("coupon", code["promotion"]["coupon"])
        )

    return page(
        account, "promotion_code", params, url="/v1/promotion_codes", match=fits
    )


def create_tax_rate(account: Account, params: Params) -> Document:
    """A flat percentage, on top of prices or inside them."""
    fields = ("country", "description", "jurisdiction", "state", "tax_type")
    return account.put(
        {
            "id": new_id("txr"),
            "object": "tax_rate",
            "active": params.get("active", True),
            "created": account.now(),
            "display_name": params["display_name"],
            "effective_percentage": None,
            "flat_amount": None,
            "inclusive": params["inclusive"],
            "jurisdiction_level": None,
            "livemode": False,
            "metadata": params.get("metadata") or {},
            "percentage": params["percentage"],
            "rate_type": "percentage",
            **{name: params.get(name) for name in fields},
        }
    )


def retrieve_tax_rate(account: Account, params: Params, rate: str) -> Document:
    """The tax rate."""
    return account.get("tax_rate", rate)


def update_tax_rate(account: Account, params: Params, rate: str) -> Document:
    """Rename, retire or annotate a tax rate; its percentage stays."""
    found = account.get("tax_rate", rate)
    for name in ("active", "display_name", "description"):
        found[name] = params.get(name, found[name])
    merge_metadata(found, params.get("metadata"))
    return account.put(found)


def index_tax_rates(account: Account, params: Params) -> Document:
    """Tax rates, by activity and kind."""
    return page(
        account,
        "tax_rate",
        params,
        url="/v1/tax_rates",
        match=lambda rate: all(
            rate[name] == params[name]
            for name in ("active", "inclusive")
            if name in params
        ),
    )


def create_feature(account: Account, params: Params) -> Document:
    """A feature that products can grant."""
    return account.put(
        {
            "id": new_id("feat"),
            "object": "entitlements.feature",
            "active": True,
            "livemode": False,
            "lookup_key": params["lookup_key"],
            "metadata": params.get("metadata") or {},
            "name": params["name"],
        }
    )


def index_features(account: Account, params: Params) -> Document:
    """Features, by lookup key."""
    return page(
        account,
        "entitlements.feature",
        params,
        url="/v1/entitlements/features",
        match=lambda feature: (
            feature["lookup_key"] == params.get("lookup_key", feature["lookup_key"])
        ),
    )


def attach_feature(account: Account, params: Params, product: str) -> Document:
    """Let a product grant a feature."""
    account.get("product", product)
    feature = account.refer(
        "entitlements.feature", params["entitlement_feature"], "entitlement_feature"
    )
    return account.put(
        {
            "id": new_id("prodft"),
            "object": "product_feature",
            "entitlement_feature": public(account.store, feature),
            "livemode": False,
            "_product": product,
        }
    )


def index_product_features(account: Account, params: Params, product: str) -> Document:
    """What a product grants."""
    return page(
        account,
        "product_feature",
        params,
        url=f"/v1/products/{product}/features",
        match=lambda link: link["_product"] == product,
    )


def index_active_entitlements(account: Account, params: Params) -> Document:
    """What a customer's live subscriptions grant."""
    found = lifecycle.active_entitlements(account, params["customer"])
    return slice_of(found, params, "/v1/entitlements/active_entitlements")
