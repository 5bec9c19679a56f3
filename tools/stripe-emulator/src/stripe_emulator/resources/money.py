"""Payment intents, charges and refunds."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata
from stripe_emulator.engine import payments
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]


def retrieve_intent(account: Account, params: Params, intent: str) -> Document:
    """The payment intent."""
    return account.get("payment_intent", intent)


def index_intents(account: Account, params: Params) -> Document:
    """Payment intents, by customer."""
    return page(
        account,
        "payment_intent",
        params,
        url="/v1/payment_intents",
        customer=params.get("customer"),
    )


def retrieve_charge(account: Account, params: Params, charge: str) -> Document:
    """The charge."""
    return account.get("charge", charge)


def index_charges(account: Account, params: Params) -> Document:
    """Charges, by customer or payment intent."""
    wanted = params.get("payment_intent")
    return page(
        account,
        "charge",
        params,
        url="/v1/charges",
        customer=params.get("customer"),
        match=lambda charge: wanted in {None, charge["payment_intent"]},
    )


def create_refund(account: Account, params: Params) -> Document:
    """Give money back on a charge or a payment intent."""
    if "charge" in params:
        paid = account.refer("charge", params["charge"], "charge")
    elif "payment_intent" in params:
        intent = account.refer(
            "payment_intent", params["payment_intent"], "payment_intent"
        )
        if intent["status"] != "succeeded":
            raise ApiError(
                "This PaymentIntent does not have a successful charge to refund.",
                param="payment_intent",
            )
        paid = account.get("charge", intent["latest_charge"])
    else:
        raise ApiError(
            "One of the following params should be provided for this request: "
            "payment_intent or charge."
        )
    return payments.refund(
        account,
        paid,
        amount=params.get("amount"),
        reason=params.get("reason"),
        metadata=params.get("metadata") or {},
    )


def retrieve_refund(account: Account, params: Params, refund: str) -> Document:
    """The refund."""
    return account.get("refund", refund)


def update_refund(account: Account, params: Params, refund: str) -> Document:
    """Change a refund's metadata."""
    found = account.get("refund", refund)
    before = account.snapshot(found)
    merge_metadata(found, params.get("metadata"))
    account.put(found)
    account.emit_update("refund.updated", found, before)
    return found


def index_refunds(account: Account, params: Params) -> Document:
    """Refunds, by charge or payment intent."""
    return page(
        account,
        "refund",
        params,
        url="/v1/refunds",
        match=lambda refund: all(
            refund[name] == params[name]
            for name in ("charge", "payment_intent")
            if name in params
        ),
    )
