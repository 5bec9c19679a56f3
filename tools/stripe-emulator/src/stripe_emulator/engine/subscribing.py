"""Starting a subscription: trial, first period, first invoice."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import discounts, invoicing, items, lifecycle
from stripe_emulator.engine.collecting import collect, default_method
from stripe_emulator.engine.cycles import boundary, next_boundary
from stripe_emulator.errors import ApiError
from stripe_emulator.render import listing
from stripe_emulator.store import Document

Params = dict[str, Any]


def create(
    account: Account,
    customer: Document,
    params: Params,
    *,
    method: Document | None = None,
    authenticated: bool = False,
    must_pay: bool = False,
    session: str | None = None,
) -> Document:
    """Start a subscription and bill its first period.

    ``params`` has the shape of the API call; Checkout passes the same. With
    ``must_pay`` a refused card is raised, so that the caller's transaction
    leaves no trace of the attempt.
    """
    now = account.time_of(customer)
    trial_end = _trial_end(params, now)
    identifier = new_id("sub")
    lines = [
        items.new_item(
            account,
            entry,
            customer=customer["id"],
            subscription=identifier,
            where=f"items[{index}]",
            created=now,
        )
        for index, entry in enumerate(params.get("items") or [])
    ]
    items.check_together(lines)
    anchor = params.get("billing_cycle_anchor") or trial_end or now
    end = trial_end or next_boundary(anchor, *items.cycle(lines), now)
    items.set_period(lines, now, end)
    subscription = _blank(account, customer, params, identifier, lines)
    subscription.update(
        billing_cycle_anchor=anchor,
        start_date=now,
        trial_start=now if trial_end else None,
        trial_end=trial_end,
        status="trialing" if trial_end else "incomplete",
    )
    if method is not None:
        subscription["default_payment_method"] = method["id"]
    account.put(subscription)
    subscription["discounts"] = new_discounts(
        account, customer, subscription, params, session
    )
    account.put(subscription)
    account.emit("customer.subscription.created", subscription)
    if trial_end:
        lifecycle.announce_entitlements(account, customer["id"])
    _bill_first_period(
        account,
        customer,
        subscription,
        params,
        method=method,
        authenticated=authenticated,
        must_pay=must_pay,
        end=end,
    )
    return subscription


def _trial_end(params: Params, now: int) -> int | None:
    given = params.get("trial_end")
    if given == "now":
        return None
    if given is None and params.get("trial_period_days"):
        given = now + int(params["trial_period_days"]) * lifecycle.DAY
    if given is not None and given <= now:
        raise ApiError(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="trial_end",
        )
    return None if given is None else int(given)


def _blank(
    account: Account,
    customer: Document,
    params: Params,
    identifier: str,
    lines: items.Items,
) -> Document:
    settings = params.get("payment_settings") or {}
    refuse_collection(
        customer,
        params.get("collection_method", "charge_automatically"),
        params.get("days_until_due"),
    )
    refuse_past(account.time_of(customer), params)
    automatic = bool((params.get("automatic_tax") or {}).get("enabled"))
    return {
        "id": identifier,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": automatic,
            "liability": {"type": "self"} if automatic else None,
        },
        "billing_cycle_anchor": 0,
        "billing_cycle_anchor_config": None,
        "billing_mode": {
            "type": (params.get("billing_mode") or {}).get("type", "flexible"),
            "flexible": {"proration_discounts": "included"},
        },
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": params.get("cancel_at"),
        "cancel_at_period_end": params.get("cancel_at_period_end", False),
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": params.get("collection_method", "charge_automatically"),
        "created": account.time_of(customer),
        "currency": lines[0]["price"]["currency"],
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": params.get("days_until_due"),
        "default_payment_method": params.get("default_payment_method") or None,
        "default_source": None,
        "default_tax_rates": items.rates(
            account, params.get("default_tax_rates") or [], "default_tax_rates"
        ),
        "description": params.get("description") or None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": listing(f"/v1/subscription_items?subscription={identifier}", lines),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": params.get("metadata") or {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": settings.get(
                "save_default_payment_method", "off"
            ),
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": 0,
        "status": "incomplete",
        "test_clock": customer["test_clock"],
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": params.get("trial_settings")
        or {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def refuse_collection(customer: Document, method: str, days: int | None) -> None:
    """Say what an invoice by mail needs, and what a charge has no use for."""
    if method != "send_invoice":
        if days:
            raise ApiError(
                "You can only set `days_until_due` if `collection_method` is "
                "`send_invoice`.",
                param="days_until_due",
            )
        return
    if days is None:
        raise ApiError(
            "You must provide `days_until_due` when `collection_method` is "
            "`send_invoice`.",
            code="parameter_missing",
            param="days_until_due",
        )
    if not customer["email"]:
        raise ApiError(
            "Missing email. In order to create invoices that are sent to the customer, "
            "the customer must have a valid email."
        )


def refuse_past(now: int, params: Params) -> None:
    """Refuse an end that is over already."""
    at = params.get("cancel_at")
    if isinstance(at, int) and at <= now:
        raise ApiError(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="cancel_at",
        )


def new_discounts(
    account: Account,
    customer: Document,
    subscription: Document,
    params: Params,
    session: str | None,
    *,
    counted: bool = True,
) -> list[str]:
    """The discounts a ``discounts`` parameter asks for, old and new, in its order."""
    return discounts.grant(
        account,
        params.get("discounts") or [],
        currency=subscription["currency"],
        amount=sum(
            items.full_price(account, item) for item in subscription["items"]["data"]
        ),
        # A coupon given later begins then, not when the subscription did.
        start=max(subscription["start_date"], account.time_of(subscription)),
        customer=customer["id"],
        subscription=subscription["id"],
        session=session,
        counted=counted,
    )


def _bill_first_period(
    account: Account,
    customer: Document,
    subscription: Document,
    params: Params,
    *,
    method: Document | None,
    authenticated: bool,
    must_pay: bool,
    end: int,
) -> None:
    now, trial = subscription["start_date"], subscription["trial_end"]
    if trial:
        lines = items.trial_lines(account, subscription, now, end)
    elif params.get("proration_behavior") == "none" and (
        subscription["billing_cycle_anchor"] != now
    ):
        lines = []
    else:
        cycle = items.cycle(subscription["items"]["data"])
        begun = now
        if subscription["billing_cycle_anchor"] != now:
            # A part of the period that would have ended at the anchor.
            begun = boundary(end, *cycle, -1)
        lines = items.partial_lines(account, subscription, now, end, end - begun)
    invoice = bill(account, customer, subscription, lines, reason="subscription_create")
    behaviour = params.get("payment_behavior", "allow_incomplete")
    by_hand = subscription["collection_method"] == "send_invoice"
    if invoice["total"] > 0 and not by_hand and behaviour != "default_incomplete":
        chosen = method or default_method(account, customer, subscription)
        if chosen is None:
            raise ApiError(
                "This customer has no attached payment source or default payment "
                "method. Please consider adding a default payment method.",
                code="resource_missing",
            )
    invoicing.finalize(account, invoice)
    if invoice["status"] == "paid" or by_hand:
        if subscription["status"] == "incomplete":
            lifecycle.change(account, subscription, status="active")
        return
    if behaviour == "default_incomplete":
        return
    refusal = collect(account, invoice, method=method, authenticated=authenticated)
    if refusal is not None and (must_pay or behaviour == "error_if_incomplete"):
        raise refusal


def bill(
    account: Account,
    customer: Document,
    subscription: Document,
    lines: items.Items,
    *,
    reason: str,
    proration_date: int | None = None,
) -> Document:
    """A draft for ``lines`` and everything pending, remembered as the latest."""
    now = account.time_of(customer)
    period = subscription["items"]["data"][0]
    pending = pending_items(account, subscription)
    invoice = invoicing.new_invoice(
        account,
        customer,
        lines=[item["_line"] for item in pending] + lines,
        currency=subscription["currency"],
        reason=reason,
        subscription=subscription,
        applied=running_discounts(account, subscription, now),
        proration_date=proration_date,
        starts_at=now
        if reason == "subscription_create"
        else period["current_period_start"],
        ends_at=now
        if reason == "subscription_create"
        else period["current_period_end"],
        collection_method=subscription["collection_method"],
        days_until_due=subscription["days_until_due"],
    )
    for item in pending:
        item["invoice"] = invoice["id"]
        account.put(item)
    subscription["latest_invoice"] = invoice["id"]
    _drop_used_discounts(account, subscription, invoice)
    account.put(subscription)
    return invoice


def waiting_lines(account: Account, subscription: Document) -> items.Items:
    """Lines that wait for this subscription's next invoice; they go on waiting."""
    return [item["_line"] for item in pending_items(account, subscription)]


def pending_items(account: Account, subscription: Document) -> list[Document]:
    """The invoice items that wait for this subscription's next invoice."""
    return [
        item
        for item in account.scan("invoiceitem", customer=subscription["customer"])
        if item["invoice"] is None
        and item["_subscription"] in {None, subscription["id"]}
    ][::-1]


def running_discounts(
    account: Account, subscription: Document, now: int
) -> list[Document]:
    """The subscription's discounts that have not ended."""
    return discounts.running(account, subscription["discounts"], now)


def _drop_used_discounts(
    account: Account, subscription: Document, invoice: Document
) -> None:
    now = account.time_of(subscription)
    subscription["discounts"] = discounts.unspent(
        account, subscription["discounts"], now
    )
    billed = {
        (line["parent"]["subscription_item_details"] or {}).get("subscription_item")
        for line in invoice["lines"]["data"]
        if line["parent"]
    }
    for item in subscription["items"]["data"]:
        if item["id"] in billed:
            item["discounts"] = discounts.unspent(account, item["discounts"], now)
