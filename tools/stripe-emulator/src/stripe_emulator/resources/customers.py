"""Customers, and the cards that belong to them."""

import re
import secrets
import string
from typing import Any

from stripe_emulator.account import Account, merge_metadata, new_id
from stripe_emulator.engine import cards, payments
from stripe_emulator.engine.billto import custom_fields
from stripe_emulator.engine.lifecycle import LIVE, end
from stripe_emulator.errors import ApiError
from stripe_emulator.render import public
from stripe_emulator.resources import taxids
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]
PLAIN = ("address", "description", "email", "name", "phone", "shipping")
BLANK_ADDRESS = dict.fromkeys(
    ("city", "country", "line1", "line2", "postal_code", "state")
)


def create(account: Account, params: Params) -> Document:
    """A new customer, on a test clock when one is named."""
    clock = params.get("test_clock")
    if clock:
        account.refer("test_helpers.test_clock", clock, "test_clock")
    prefix = "".join(
        secrets.choice(string.ascii_uppercase + string.digits) for _ in range(8)
    )
    customer: Document = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": params.get("balance", 0),
        "created": account.now(clock),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": params.get("invoice_prefix", prefix),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": None,
        "tax_exempt": params.get("tax_exempt") or "none",
        "test_clock": clock,
        "_invoices": 0,
    }
    _apply(account, customer, params)
    account.put(customer)
    if params.get("payment_method"):
        method = use_method(account, params["payment_method"], "payment_method")
        payments.attach(account, method, customer)
    account.emit("customer.created", customer)
    for entry in params.get("tax_id_data") or []:
        taxids.create(account, entry, customer["id"])
    return customer


def _apply(account: Account, customer: Document, params: Params) -> None:
    for name in PLAIN:
        if name in params:
            customer[name] = params[name] or None
    if isinstance(customer["address"], dict):
        customer["address"] = {**BLANK_ADDRESS, **customer["address"]}
    for name in ("balance", "invoice_prefix", "preferred_locales", "tax_exempt"):
        if params.get(name) is not None:
            customer[name] = params[name]
    settings = params.get("invoice_settings") or {}
    if "default_payment_method" in settings:
        chosen = settings["default_payment_method"]
        if chosen:
            _check_owned(account, chosen, customer)
        customer["invoice_settings"]["default_payment_method"] = chosen or None
    if settings.get("rendering_options"):
        path = "invoice_settings[rendering_options]"
        raise ApiError(f"This emulator does not cover {path}.", param=path)
    if "footer" in settings:
        customer["invoice_settings"]["footer"] = settings["footer"] or None
    if "custom_fields" in settings:
        customer["invoice_settings"]["custom_fields"] = custom_fields(
            settings["custom_fields"], "invoice_settings[custom_fields]"
        )
    merge_metadata(customer, params.get("metadata"))


def _check_owned(account: Account, method: str, customer: Document) -> None:
    param = "invoice_settings[default_payment_method]"
    found = account.refer("payment_method", method, param)
    if found["customer"] != customer["id"]:
        raise ApiError(
            f"The customer does not have a payment method with the ID {method}. The "
            "payment method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )


def retrieve(account: Account, params: Params, customer: str) -> Document:
    """The customer; a deleted one as its tombstone."""
    found = account.store.find("customer", customer)
    return found if found is not None else account.get("customer", customer)


def update(account: Account, params: Params, customer: str) -> Document:
    """Change a customer."""
    found = account.get("customer", customer)
    before = account.snapshot(found)
    _apply(account, found, params)
    account.put(found)
    account.emit_update("customer.updated", found, before)
    return found


def delete(account: Account, params: Params, customer: str) -> Document:
    """Delete a customer, ending what they subscribe to at once."""
    found = account.get("customer", customer)
    for subscription in account.scan("subscription", customer=customer):
        if subscription["status"] in LIVE:
            end(account, subscription, "cancellation_requested")
    account.emit("customer.deleted", found)
    found["deleted"] = True
    return account.put(found)


def index(account: Account, params: Params) -> Document:
    """Customers, by e-mail or test clock."""

    def fits(customer: Document) -> bool:
        return all(
            customer[name] == params[name]
            for name in ("email", "test_clock")
            if name in params
        ) and ("test_clock" in params or not customer["test_clock"])

    return page(account, "customer", params, url="/v1/customers", match=fits)


def use_method(account: Account, identifier: str, param: str) -> Document:
    """The payment method an id names; test names make a fresh one."""
    number = cards.number_named(identifier) if identifier.startswith("pm_card_") else ""
    if number:
        return account.put(cards.new_payment_method(account, number))
    return account.refer("payment_method", identifier, param)


def create_method(account: Account, params: Params) -> Document:
    """A card from a test number or token."""
    card = params.get("card") or {}
    if params.get("type") != "card" or not card:
        raise ApiError("This emulator covers cards only.", param="type")
    number = card.get("number") or cards.number_named(card.get("token", ""))
    if not number:
        raise ApiError("You must give a card number or token.", param="card")
    method = cards.new_payment_method(account, number, details=card)
    method["billing_details"].update(params.get("billing_details") or {})
    merge_metadata(method, params.get("metadata"))
    return account.put(method)


def retrieve_method(account: Account, params: Params, method: str) -> Document:
    """The payment method."""
    return use_method(account, method, "payment_method")


def customer_method(
    account: Account, params: Params, customer: str, method: str
) -> Document:
    """A customer's own payment method."""
    account.get("customer", customer)
    found = account.get("payment_method", method, "payment_method")
    if found["customer"] != customer:
        return account.get("payment_method", "", "payment_method")
    return found


def update_method(account: Account, params: Params, method: str) -> Document:
    """Change a card's expiry, billing details or metadata."""
    found = account.get("payment_method", method, "payment_method")
    before = account.snapshot(found)
    found["card"].update(
        {k: v for k, v in (params.get("card") or {}).items() if k.startswith("exp_")}
    )
    found["billing_details"].update(params.get("billing_details") or {})
    merge_metadata(found, params.get("metadata"))
    account.put(found)
    account.emit_update("payment_method.updated", found, before)
    return found


def attach_method(account: Account, params: Params, method: str) -> Document:
    """Give a card to a customer."""
    if "customer" not in params:
        raise ApiError(
            "Missing required param: customer.",
            code="parameter_missing",
            param="customer",
        )
    customer = account.refer("customer", params["customer"], "customer")
    return payments.attach(
        account, use_method(account, method, "payment_method"), customer
    )


def detach_method(account: Account, params: Params, method: str) -> Document:
    """Take a card away; whoever had it as default has none now."""
    found = account.get("payment_method", method, "payment_method")
    if found["customer"] is None:
        raise ApiError(
            "The payment method you provided is not attached to a customer so "
            "detachment is impossible.",
            param="payment_method",
        )
    owner = account.get("customer", found["customer"])
    before = account.snapshot(found)
    found["customer"] = None
    account.put(found)
    if owner["invoice_settings"]["default_payment_method"] == method:
        known = account.snapshot(owner)
        owner["invoice_settings"]["default_payment_method"] = None
        account.put(owner)
        account.emit_update("customer.updated", owner, known)
    for subscription in account.scan("subscription", customer=owner["id"]):
        if subscription["default_payment_method"] == method:
            subscription["default_payment_method"] = None
            account.put(subscription)
    account.emit("payment_method.detached", found, {"customer": before["customer"]})
    return found


def index_methods(
    account: Account, params: Params, customer: str | None = None
) -> Document:
    """A customer's cards."""
    owner = customer or params.get("customer")
    if owner:
        account.refer("customer", owner, "customer")
    url = (
        f"/v1/customers/{customer}/payment_methods"
        if customer
        else ("/v1/payment_methods")
    )
    kind = params.get("type", "card")
    return page(
        account,
        "payment_method",
        params,
        url=url,
        customer=owner or "",
        match=lambda method: method["type"] == kind,
    )


def search(account: Account, params: Params) -> Document:
    """Customers by ``email:"…"`` or ``metadata["…"]:"…"``, the two forms in use."""
    query = params["query"]
    match = re.fullmatch(
        r"(email|name|metadata\[['\"](\w+)['\"]\])\s*:\s*['\"](.*)['\"]", query
    )
    if match is None:
        raise ApiError(
            "This emulator covers email, name and metadata queries.", param="query"
        )
    field, key, wanted = match[1], match[2], match[3]

    def fits(customer: Document) -> bool:
        value = customer["metadata"].get(key) if key else customer[field]
        return bool(value == wanted)

    found = account.scan("customer", match=fits)
    return {
        "object": "search_result",
        "data": [public(account.store, customer) for customer in found],
        "has_more": False,
        "next_page": None,
        "url": "/v1/customers/search",
    }
