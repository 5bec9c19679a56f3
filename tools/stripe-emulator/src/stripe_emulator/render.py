"""How documents leave the process: without internals, expanded on request."""

from collections.abc import Callable, Iterable
from typing import Any

from stripe_emulator.errors import ApiError, missing
from stripe_emulator.store import Document, Store

# The ``data`` of a list counts as one of them.
MAX_DEPTH = 4
LINES_SHOWN = 10
# Dictionaries whose names belong to the caller, underscores included.
FREE_FORM = {"metadata", "payload"}

FIELDS = {
    "charge": "charge",
    "configuration": "billing_portal.configuration",
    "coupon": "coupon",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "default_price": "price",
    "discounts": "discount",
    "dispute": "dispute",
    "refund": "refund",
    "feature": "entitlements.feature",
    "invoice": "invoice",
    "latest_charge": "charge",
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "pending_setup_intent": "setup_intent",
    "price": "price",
    "product": "product",
    "promotion_code": "promotion_code",
    "schedule": "subscription_schedule",
    "setup_intent": "setup_intent",
    "subscription": "subscription",
    "test_clock": "test_helpers.test_clock",
}

# Names that appear only when asked for, and that a kind may not know otherwise.
INCLUDED = {
    ("billing_portal.configuration", "application"),
    ("charge", "refunds"),
    ("checkout.session", "line_items"),
    ("coupon", "applies_to"),
    ("customer", "subscriptions"),
    ("customer", "tax"),
    ("customer", "tax_ids"),
    ("invoice", "payments"),
    ("price", "tiers"),
}


def listing(url: str, data: Iterable[Any], *, has_more: bool = False) -> dict[str, Any]:
    """Stripe's list object."""
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def public(store: Store, document: Document) -> Document:
    """A copy of ``document`` as the API shows it."""
    shown: Document = _copy(document)
    if document.get("deleted"):
        return {key: shown[key] for key in ("id", "object", "deleted")}
    if document["object"] == "subscription":
        for item in shown["items"]["data"]:
            price = store.find("price", item["price"]["id"])
            item["price"] = public(store, price) if price else item["price"]
            item["plan"] = plan(item["price"])
    elif document["object"] == "invoice":
        lines = shown["lines"]
        lines["has_more"] = len(lines["data"]) > LINES_SHOWN
        lines["data"] = lines["data"][:LINES_SHOWN]
    elif document["object"] == "price":
        shown.pop("tiers", None)
    elif document["object"] == "coupon":
        shown.pop("applies_to", None)
    return shown


def plan(price: Document) -> Document:
    """The legacy face of a recurring price, which items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def expand(store: Store, value: Any, paths: list[str]) -> Any:
    """Replace ids by objects along ``paths``."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH:
            raise ApiError(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. "
                f"Property: {path}",
                param="expand",
                code="property_expansion_max_depth",
            )
        _expand(store, value, steps, path)
    return value


def _expand(store: Store, value: Any, steps: list[str], path: str) -> None:
    if isinstance(value, list):
        for element in value:
            _expand(store, element, steps, path)
        return
    if not isinstance(value, dict) or not steps:
        return
    # What was deleted is its id and that word: nothing in it is left to expand.
    if value.get("deleted"):
        return
    name, rest = steps[0], steps[1:]
    kind = value.get("object", "")
    if (kind, name) in INCLUDED and value.get(name) is None:
        value[name] = _include(store, value, name)
    if name not in value:
        raise ApiError(
            f"This property cannot be expanded ({path}). You may want to try "
            "expanding a different property.",
            param="expand",
        )
    if isinstance(value[name], str):
        value[name] = _fetch(store, name, value[name], path)
    elif isinstance(value[name], list):
        value[name] = [
            _fetch(store, name, element, path) if isinstance(element, str) else element
            for element in value[name]
        ]
    _expand(store, value[name], rest, path)


def _fetch(store: Store, name: str, identifier: str, path: str) -> Any:
    if name not in FIELDS:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    found = store.find(FIELDS[name], identifier)
    if found is None:
        raise missing(FIELDS[name], identifier, "expand")
    return public(store, found)


def _include(store: Store, value: Document, name: str) -> Any:
    identifier = value["id"]
    sources: dict[str, Callable[[], Any]] = {
        "applies_to": lambda: (store.find("coupon", identifier) or {}).get(
            "applies_to"
        ),
        "line_items": lambda: listing(
            f"/v1/checkout/sessions/{identifier}/line_items",
            (store.find("checkout.session", identifier) or {})["_line_items"],
        ),
        "payments": lambda: listing(
            "/v1/invoice_payments",
            _owned(store, "invoice_payment", "invoice", identifier),
        ),
        "refunds": lambda: listing(
            f"/v1/charges/{identifier}/refunds",
            _owned(store, "refund", "charge", identifier),
        ),
        "subscriptions": lambda: listing(
            f"/v1/customers/{identifier}/subscriptions",
            [
                public(store, found)
                for found in store.scan("subscription", customer=identifier)
                if found["status"] not in {"canceled", "incomplete_expired"}
            ],
        ),
        "tax_ids": lambda: listing(
            f"/v1/customers/{identifier}/tax_ids",
            [
                public(store, found)
                for found in store.scan("tax_id", customer=identifier)
                if not found.get("deleted")
            ],
        ),
        "tiers": lambda: (store.find("price", identifier) or {}).get("tiers"),
    }
    return sources[name]() if name in sources else None


def _owned(store: Store, kind: str, field: str, identifier: str) -> list[Document]:
    return [
        public(store, found) for found in store.scan(kind) if found[field] == identifier
    ]


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: dict(item) if key in FREE_FORM and item else _copy(item)
            for key, item in value.items()
            if not key.startswith("_")
        }
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value
