"""Getting an invoice paid with the card on file or the one at hand."""

from stripe_emulator.account import Account
from stripe_emulator.engine import invoicing, lifecycle, payments
from stripe_emulator.errors import CardDeclined
from stripe_emulator.store import Document


def default_method(
    account: Account, customer: Document, subscription: Document | None = None
) -> Document | None:
    """The card to charge: the subscription's own before the customer's."""
    chosen = (subscription or {}).get("default_payment_method")
    chosen = chosen or customer["invoice_settings"]["default_payment_method"]
    return account.find("payment_method", chosen)


def collect(
    account: Account,
    invoice: Document,
    *,
    method: Document | None = None,
    authenticated: bool = False,
) -> CardDeclined | None:
    """Finalise ``invoice`` if need be and try to charge it.

    A refusal is returned, not raised: a failed renewal is an ordinary event.
    """
    if invoice["status"] == "draft":
        invoicing.finalize(account, invoice)
    if invoice["status"] == "paid":
        lifecycle.paid(account, invoice)
        return None
    customer = account.get("customer", invoice["customer"])
    subscription = account.find("subscription", invoice["_subscription"])
    method = method or default_method(account, customer, subscription)
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
    if method is None:
        refusal: CardDeclined | None = CardDeclined(
            "There is no card on file.", code="payment_intent_payment_attempt_failed"
        )
    else:
        intent = account.get("payment_intent", invoice["_intent"])
        refusal = payments.charge(account, intent, method, authenticated=authenticated)
    account.put(invoice)
    if refusal is None:
        _mark_card_known(account, method, authenticated=authenticated)
        invoicing.mark_paid(account, invoice)
        if customer["delinquent"]:
            set_delinquent(account, customer, delinquent=False)
        lifecycle.paid(account, invoice)
        return None
    lifecycle.failed(account, invoice)
    account.emit("invoice.payment_failed", invoice)
    if refusal.code == "authentication_required":
        account.emit("invoice.payment_action_required", invoice)
    set_delinquent(account, customer, delinquent=True)
    return refusal


def set_delinquent(account: Account, customer: Document, *, delinquent: bool) -> None:
    """Note on the customer whether the latest charge failed."""
    before = account.snapshot(customer)
    customer["delinquent"] = delinquent
    account.put(customer)
    account.emit_update("customer.updated", customer, before)


def _mark_card_known(
    account: Account, method: Document | None, *, authenticated: bool
) -> None:
    if method is not None and authenticated:
        method["_authenticated"] = True
        account.put(method)
