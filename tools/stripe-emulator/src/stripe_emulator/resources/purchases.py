"""Completing a checkout: customer, card, subscription or payment."""

from typing import Any

from stripe_emulator.account import Account
from stripe_emulator.engine import (
    cards,
    discounts,
    invoicing,
    items,
    payments,
    subscribing,
)
from stripe_emulator.engine.collecting import collect
from stripe_emulator.engine.pending import new_invoice_item
from stripe_emulator.resources import checkout, customers
from stripe_emulator.store import Document


def complete(
    account: Account,
    session: Document,
    *,
    email: str,
    name: str,
    method: Document | None,
    authenticated: bool = False,
) -> Document:
    """Buy: customer, card, subscription or payment, and the session is complete.

    Runs in the caller's transaction. A refused card is raised and leaves the
    session open, as if nobody had tried.
    """
    customer = _customer(account, session, email=email, name=name)
    if method is not None:
        account.put(method)
        if method["_behaviour"] == cards.ASKS_ONCE and authenticated:
            method["_authenticated"] = True
        payments.attach(account, method, customer)
    session["customer"] = customer["id"]
    if session["mode"] == "subscription":
        _subscribe(account, session, customer, method, authenticated=authenticated)
    else:
        _pay(account, session, customer, method, authenticated=authenticated)
    session.update(
        status="complete",
        url=None,
        payment_status="no_payment_required" if not session["amount_total"] else "paid",
        customer_details={
            "address": customer["address"],
            "business_name": None,
            "email": customer["email"],
            "individual_name": None,
            "name": customer["name"],
            "phone": customer["phone"],
            "tax_exempt": customer["tax_exempt"],
            "tax_ids": [],
        },
    )
    account.put(session)
    account.emit("checkout.session.completed", session)
    return session


def _customer(
    account: Account, session: Document, *, email: str, name: str
) -> Document:
    known = account.find("customer", session["customer"])
    if known is None:
        fresh = customers.create(account, {"email": email})
        if name:
            fresh["name"] = name
        return account.put(fresh)
    before = account.snapshot(known)
    allowed = session["_params"].get("customer_update") or {}
    known["email"] = known["email"] or email
    if name and (allowed.get("name") == "auto" or not known["name"]):
        known["name"] = name
    account.put(known)
    account.emit_update("customer.updated", known, before)
    return known


def _subscribe(
    account: Account,
    session: Document,
    customer: Document,
    method: Document | None,
    *,
    authenticated: bool,
) -> None:
    data = session["_params"].get("subscription_data") or {}
    for entry in session["_chosen"]:
        if not entry["price"]["recurring"]:
            line = _one_time_line(account, entry, customer)
            _wait_for_invoice(account, customer, line)
    entries = [
        {
            "price": entry["price"]["id"],
            **({} if entry["quantity"] is None else {"quantity": entry["quantity"]}),
            "tax_rates": [rate["id"] for rate in entry["tax_rates"]],
        }
        for entry in session["_chosen"]
        if entry["price"]["recurring"]
    ]
    names = (
        "billing_cycle_anchor",
        "billing_mode",
        "default_tax_rates",
        "description",
        "metadata",
        "proration_behavior",
        "trial_end",
        "trial_period_days",
        "trial_settings",
    )
    subscription = subscribing.create(
        account,
        customer,
        {
            **{key: data[key] for key in names if key in data},
            "items": entries,
            "discounts": session["_discounts"],
            "automatic_tax": {"enabled": session["automatic_tax"]["enabled"]},
        },
        method=method,
        authenticated=authenticated,
        must_pay=True,
        session=session["id"],
    )
    session.update(
        subscription=subscription["id"], invoice=subscription["latest_invoice"]
    )


def _one_time_line(
    account: Account, entry: dict[str, Any], customer: Document
) -> dict[str, Any]:
    now = account.time_of(customer)
    return invoicing.new_line(
        price=entry["price"],
        quantity=entry["quantity"],
        amount=checkout.gross(entry),
        start=now,
        end=now,
        description=items.product_name(account, entry["price"]),
        tax_rates=entry["tax_rates"],
    )


def _wait_for_invoice(
    account: Account, customer: Document, line: dict[str, Any]
) -> None:
    item = new_invoice_item(
        account, customer, amount=line["amount"], currency=line["currency"]
    )
    item.update(_line=line, description=line["description"], pricing=line["pricing"])
    line["parent"]["invoice_item_details"]["invoice_item"] = item["id"]
    account.put(item)


def _pay(
    account: Account,
    session: Document,
    customer: Document,
    method: Document | None,
    *,
    authenticated: bool,
) -> None:
    data = session["_params"].get("payment_intent_data") or {}
    if session["invoice_creation"]["enabled"]:
        _pay_by_invoice(account, session, customer, method, authenticated=authenticated)
        return
    if not session["amount_total"] or method is None:
        return
    for coupon, code in discounts.resolve(account, session["_discounts"]):
        discounts.redeem(
            account,
            coupon,
            code,
            start=account.time_of(customer),
            customer=customer["id"],
            session=session["id"],
        )
    intent = payments.new_intent(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer["id"],
        description=data.get("description"),
        metadata=data.get("metadata") or {},
        setup_future_usage=data.get("setup_future_usage"),
    )
    refusal = payments.charge(account, intent, method, authenticated=authenticated)
    if refusal is not None:
        raise refusal
    session["payment_intent"] = intent["id"]


def _pay_by_invoice(
    account: Account,
    session: Document,
    customer: Document,
    method: Document | None,
    *,
    authenticated: bool,
) -> None:
    applied = [
        discounts.redeem(
            account,
            coupon,
            code,
            start=account.time_of(customer),
            customer=customer["id"],
            session=session["id"],
        )
        for coupon, code in discounts.resolve(account, session["_discounts"])
    ]
    invoice = invoicing.new_invoice(
        account,
        customer,
        lines=[_one_time_line(account, e, customer) for e in session["_chosen"]],
        currency=session["currency"],
        reason="manual",
        applied=applied,
    )
    refusal = collect(account, invoice, method=method, authenticated=authenticated)
    if refusal is not None:
        raise refusal
    session.update(invoice=invoice["id"], payment_intent=invoice.get("_intent"))
