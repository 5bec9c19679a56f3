"""Charging a card: payment intents, charges, refunds."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import cards, disputing
from stripe_emulator.errors import ApiError, CardDeclined
from stripe_emulator.store import Document


def new_intent(
    account: Account,
    *,
    amount: int,
    currency: str,
    customer: str | None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
    setup_future_usage: str | None = None,
) -> Document:
    """A payment intent that waits for a card."""
    identifier = new_id("pi")
    intent: Document = {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{identifier}_secret_{new_id('x')[2:]}",
        "confirmation_method": "automatic",
        "created": 0,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": description,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": setup_future_usage,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    intent["created"] = account.time_of(intent)
    account.put(intent)
    account.emit("payment_intent.created", intent)
    return intent


def charge(
    account: Account,
    intent: Document,
    method: Document,
    *,
    authenticated: bool = False,
) -> CardDeclined | None:
    """Try ``method`` on ``intent``; returns the bank's refusal, if any."""
    behaviour = method["_behaviour"]
    knows_customer = authenticated or method.get("_authenticated")
    asks = behaviour == cards.ASKS_ALWAYS and not authenticated
    asks = asks or (behaviour == cards.ASKS_ONCE and not knows_customer)
    intent["payment_method"] = method["id"]
    if asks:
        refusal = cards.refusal(behaviour)
        intent.update(
            status="requires_action",
            next_action={
                "type": "redirect_to_url",
                "redirect_to_url": {"return_url": None, "url": None},
            },
            last_payment_error=_payment_error(refusal),
        )
        account.put(intent)
        account.emit("payment_intent.requires_action", intent)
        return refusal
    declined = cards.refusal(behaviour) if behaviour in cards.REFUSALS else None
    attempt = _new_charge(account, intent, method, declined)
    intent["latest_charge"] = attempt["id"]
    intent["next_action"] = None
    if declined is not None:
        intent.update(
            status="requires_payment_method",
            payment_method=None,
            last_payment_error=_payment_error(declined, charge=attempt["id"]),
        )
        account.put(intent)
        account.emit("charge.failed", attempt)
        account.emit("payment_intent.payment_failed", intent)
        return declined
    intent.update(
        status="succeeded", amount_received=intent["amount"], last_payment_error=None
    )
    account.put(intent)
    account.emit("charge.succeeded", attempt)
    account.emit("payment_intent.succeeded", intent)
    if behaviour == cards.DISPUTED:
        disputing.open_dispute(account, attempt)
    return None


def _payment_error(refusal: CardDeclined, charge: str | None = None) -> dict[str, Any]:
    error = {
        "type": "card_error",
        "code": refusal.code,
        "message": str(refusal),
        "decline_code": refusal.decline_code,
    }
    return {**error, "charge": charge} if charge else error


def _new_charge(
    account: Account,
    intent: Document,
    method: Document,
    declined: CardDeclined | None,
) -> Document:
    card = method["card"]
    attempt: Document = {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if declined else intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "EMULATED",
        "captured": declined is None,
        "created": account.time_of(intent),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": declined.code if declined else None,
        "failure_message": str(declined) if declined else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": {
            "network_status": "declined_by_network"
            if declined
            else "approved_by_network",
            "reason": declined.decline_code if declined else None,
            "risk_level": "normal",
            "seller_message": "The bank declined the payment."
            if declined
            else "Payment complete.",
            "type": "issuer_declined" if declined else "authorized",
        },
        "paid": declined is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "type": "card",
            "card": {
                key: card[key]
                for key in ("brand", "country", "exp_month", "exp_year", "last4")
            },
        },
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "failed" if declined else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }
    return account.put(attempt)


def refund(
    account: Account,
    paid: Document,
    *,
    amount: int | None,
    reason: str | None,
    metadata: dict[str, str],
) -> Document:
    """Give back all or part of a charge; never more than was paid."""
    left = paid["amount"] - paid["amount_refunded"]
    if not paid["paid"]:
        raise ApiError(f"Charge {paid['id']} was not paid.", param="charge")
    if paid["disputed"] and _is_taken_back(account, paid):
        raise ApiError(
            f"Charge {paid['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left == 0:
        raise ApiError(
            f"Charge {paid['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount is not None and not 0 < amount <= left:
        raise ApiError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge "
            f"({left})",
            param="amount",
        )
    given: Document = {
        "id": new_id("re"),
        "object": "refund",
        "amount": left if amount is None else amount,
        "balance_transaction": None,
        "charge": paid["id"],
        "created": account.time_of(paid),
        "currency": paid["currency"],
        "customer": paid["customer"],
        "destination_details": {
            "type": "card",
            "card": {"type": "refund", "reference_status": "pending"},
        },
        "metadata": metadata,
        "payment_intent": paid["payment_intent"],
        "payment_method": paid["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    before = account.snapshot(paid)
    paid["amount_refunded"] += given["amount"]
    paid["refunded"] = paid["amount_refunded"] == paid["amount"]
    account.put(given)
    account.put(paid)
    account.emit("refund.created", given)
    account.emit_update("charge.refunded", paid, before)
    return given


def _is_taken_back(account: Account, paid: Document) -> bool:
    return any(
        dispute["charge"] == paid["id"] and dispute["status"] != "won"
        for dispute in account.scan("dispute")
    )


def attach(account: Account, method: Document, customer: Document) -> Document:
    """Give the card to a customer; a card declined by its bank is not taken."""
    if method["_behaviour"] in {cards.DECLINED, cards.NO_FUNDS, cards.EXPIRED}:
        raise cards.refusal(method["_behaviour"])
    if method["customer"] not in {None, customer["id"]}:
        raise ApiError(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
        )
    if method["customer"] is None:
        method["customer"] = customer["id"]
        account.put(method)
        account.emit("payment_method.attached", method)
    return method
