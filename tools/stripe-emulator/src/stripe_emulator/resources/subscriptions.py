"""Subscriptions and their items."""

from typing import Any

from stripe_emulator.account import Account
from stripe_emulator.engine import changing, subscribing
from stripe_emulator.errors import ApiError, missing
from stripe_emulator.resources.paging import page, slice_of
from stripe_emulator.store import Document

Params = dict[str, Any]
# Accepted by the contract, but this emulator would not do what they say.
UNCOVERED = (
    "add_invoice_items",
    "application_fee_percent",
    "backdate_start_date",
    "billing_cycle_anchor_config",
    "billing_schedules",
    "billing_thresholds",
    "pending_invoice_item_interval",
    "transfer_data",
    "trial_from_plan",
)


def refuse_uncovered(params: Params, names: tuple[str, ...] = UNCOVERED) -> None:
    """Say plainly what is not emulated rather than ignore it."""
    for name in names:
        if params.get(name):
            raise ApiError(f"This emulator does not cover {name}.", param=name)


def create(account: Account, params: Params) -> Document:
    """Start a subscription for a customer."""
    refuse_uncovered(params)
    if "customer" not in params:
        raise ApiError(
            "Missing required param: customer.",
            code="parameter_missing",
            param="customer",
        )
    customer = account.refer("customer", params["customer"], "customer")
    chosen = params.get("default_payment_method")
    if chosen:
        method = account.refer("payment_method", chosen, "default_payment_method")
        if method["customer"] != customer["id"]:
            raise ApiError(
                "The payment method must be attached to the customer.",
                param="default_payment_method",
            )
    subscription = subscribing.create(account, customer, params)
    return account.get("subscription", subscription["id"])


def retrieve(account: Account, params: Params, subscription: str) -> Document:
    """The subscription."""
    return account.get("subscription", subscription)


def update(account: Account, params: Params, subscription: str) -> Document:
    """Change a subscription."""
    refuse_uncovered(params)
    return changing.update(account, account.get("subscription", subscription), params)


def cancel(account: Account, params: Params, subscription: str) -> Document:
    """End a subscription at once."""
    return changing.cancel(account, account.get("subscription", subscription), params)


def resume(account: Account, params: Params, subscription: str) -> Document:
    """Go on with a paused subscription."""
    return changing.resume(account, account.get("subscription", subscription), params)


def index(account: Account, params: Params) -> Document:
    """Subscriptions; ended ones only when asked for."""
    status = params.get("status")

    def fits(subscription: Document) -> bool:
        ended = subscription["status"] in {"canceled", "incomplete_expired"}
        if status == "ended":
            right = ended
        elif status in {None, "all"}:
            right = status == "all" or subscription["status"] != "canceled"
        else:
            right = subscription["status"] == status
        prices = [item["price"]["id"] for item in subscription["items"]["data"]]
        return (
            right
            and ("price" not in params or params["price"] in prices)
            and subscription["collection_method"]
            == params.get("collection_method", subscription["collection_method"])
            and (
                "test_clock" not in params
                or subscription["test_clock"] == params["test_clock"]
            )
        )

    return page(
        account,
        "subscription",
        params,
        url="/v1/subscriptions",
        customer=params.get("customer"),
        match=fits,
    )


def _owner(account: Account, item: str) -> tuple[Document, Document]:
    pointer = account.find("subscription_item", item)
    if pointer is not None:
        subscription = account.get("subscription", pointer["subscription"])
        for found in subscription["items"]["data"]:
            if found["id"] == item:
                return subscription, found
    raise missing("subscription_item", item)


def _shown(account: Account, subscription: Document, item: str) -> Document:
    found = account.snapshot(account.get("subscription", subscription["id"]))
    for entry in found["items"]["data"]:
        if entry["id"] == item:
            return dict(entry)
    raise missing("subscription_item", item)


def create_item(account: Account, params: Params) -> Document:
    """Add an item to a subscription."""
    owner = account.refer("subscription", params["subscription"], "subscription")
    known = {item["id"] for item in owner["items"]["data"]}
    changing.update(account, owner, {**_money(params), "items": [_entry(params)]})
    fresh = next(
        item["id"] for item in owner["items"]["data"] if item["id"] not in known
    )
    return _shown(account, owner, fresh)


def retrieve_item(account: Account, params: Params, item: str) -> Document:
    """The item."""
    subscription, _ = _owner(account, item)
    return _shown(account, subscription, item)


def update_item(account: Account, params: Params, item: str) -> Document:
    """Change an item's price, quantity, discounts or metadata."""
    subscription, _ = _owner(account, item)
    changing.update(
        account,
        subscription,
        {**_money(params), "items": [{"id": item, **_entry(params)}]},
    )
    return _shown(account, subscription, item)


def delete_item(account: Account, params: Params, item: str) -> Document:
    """Take an item off a subscription."""
    subscription, _ = _owner(account, item)
    changing.update(
        account,
        subscription,
        {**_money(params), "items": [{"id": item, "deleted": True}]},
    )
    return {"id": item, "object": "subscription_item", "deleted": True}


def index_items(account: Account, params: Params) -> Document:
    """A subscription's items."""
    owner = account.refer("subscription", params["subscription"], "subscription")
    return slice_of(
        account.snapshot(owner)["items"]["data"], params, "/v1/subscription_items"
    )


MONEY = ("payment_behavior", "proration_behavior", "proration_date")


def _money(params: Params) -> Params:
    return {name: params[name] for name in MONEY if name in params}


def _entry(params: Params) -> Params:
    """What an item is to be; whatever it would not be is refused with it."""
    others = {*MONEY, "subscription", "expand", "off_session"}
    return {name: value for name, value in params.items() if name not in others}
