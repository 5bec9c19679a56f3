"""Invoices: reading, previewing, finalising, paying."""

import copy
from typing import Any

from stripe_emulator.account import Account, merge_metadata
from stripe_emulator.engine import changing, invoicing, items, lifecycle, sweeping
from stripe_emulator.engine.billto import custom_fields
from stripe_emulator.engine.collecting import collect
from stripe_emulator.engine.cycles import boundary
from stripe_emulator.engine.subscribing import (
    new_discounts,
    running_discounts,
    waiting_lines,
)
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.customers import use_method
from stripe_emulator.resources.paging import page, slice_of
from stripe_emulator.store import Document

Params = dict[str, Any]


def create(account: Account, params: Params) -> Document:
    """A draft of the customer's pending invoice items."""
    customer = account.refer("customer", params.get("customer", ""), "customer")
    lines = []
    waiting = []
    if params.get("pending_invoice_items_behavior") == "include":
        waiting = [
            item
            for item in account.scan("invoiceitem", customer=customer["id"])
            if item["invoice"] is None and item["_subscription"] is None
        ][::-1]
        lines = [item["_line"] for item in waiting]
    invoice = invoicing.new_invoice(
        account,
        customer,
        lines=lines,
        currency=params.get("currency") or (lines[0]["currency"] if lines else "usd"),
        reason="manual",
        collection_method=params.get("collection_method", "charge_automatically"),
        days_until_due=params.get("days_until_due"),
        metadata=params.get("metadata") or {},
    )
    invoice["auto_advance"] = params.get("auto_advance", False)
    invoice["description"] = params.get("description")
    _apply_words(invoice, params)
    if invoice["auto_advance"]:
        invoice["automatically_finalizes_at"] = (
            invoice["created"] + invoicing.DRAFT_SECONDS
        )
    for item in waiting:
        item["invoice"] = invoice["id"]
        account.put(item)
    return account.put(invoice)


def _apply_words(invoice: Document, params: Params) -> None:
    """Footer and custom fields of an invoice's own; without them the customer's."""
    if "footer" in params:
        invoice["footer"] = params["footer"] or None
    if "custom_fields" in params:
        fields = custom_fields(params["custom_fields"], "custom_fields")
        invoice["custom_fields"] = fields


def retrieve(account: Account, params: Params, invoice: str) -> Document:
    """The invoice."""
    return account.get("invoice", invoice)


def update(account: Account, params: Params, invoice: str) -> Document:
    """Change metadata, words or whether the invoice moves on by itself."""
    found = account.get("invoice", invoice)
    before = account.snapshot(found)
    merge_metadata(found, params.get("metadata"))
    for name in ("auto_advance", "description"):
        if name in params:
            found[name] = params[name]
    _apply_words(found, params)
    account.put(found)
    account.emit_update("invoice.updated", found, before)
    return found


def delete(account: Account, params: Params, invoice: str) -> Document:
    """Throw a draft away."""
    found = account.get("invoice", invoice)
    if found["status"] != "draft":
        raise ApiError(
            "You can only delete draft invoices.", code="invoice_not_editable"
        )
    account.emit("invoice.deleted", found)
    found["deleted"] = True
    return account.put(found)


def finalize(account: Account, params: Params, invoice: str) -> Document:
    """Make a draft payable."""
    return invoicing.finalize(account, account.get("invoice", invoice))


def pay(account: Account, params: Params, invoice: str) -> Document:
    """Charge the invoice now, or note that it was paid elsewhere."""
    found = account.get("invoice", invoice)
    if found["status"] == "paid":
        raise ApiError("Invoice is already paid", code="invoice_already_paid")
    if found["status"] in {"void", "uncollectible"} and not params.get(
        "paid_out_of_band"
    ):
        raise ApiError(
            f"This invoice is {found['status']}.", code="invoice_not_editable"
        )
    if found["status"] == "draft":
        invoicing.finalize(account, found)
    if params.get("paid_out_of_band"):
        invoicing.mark_paid(account, found, out_of_band=True)
        lifecycle.paid(account, found)
        return found
    method = None
    if params.get("payment_method"):
        method = use_method(account, params["payment_method"], "payment_method")
        method["customer"] = method["customer"] or found["customer"]
    refusal = (
        collect(account, found, method=method) if found["status"] == "open" else None
    )
    if refusal is not None:
        refusal.keep_changes = True
        raise refusal
    return found


def void(account: Account, params: Params, invoice: str) -> Document:
    """Take an open invoice back."""
    return invoicing.close_unpaid(account, account.get("invoice", invoice), "void")


def write_off(account: Account, params: Params, invoice: str) -> Document:
    """Mark an open invoice uncollectible."""
    found = account.get("invoice", invoice)
    return invoicing.close_unpaid(account, found, "uncollectible")


def send(account: Account, params: Params, invoice: str) -> Document:
    """Pretend to mail an invoice that is paid by hand."""
    found = account.get("invoice", invoice)
    if found["status"] == "draft":
        invoicing.finalize(account, found)
    account.emit("invoice.sent", found)
    return found


def index(account: Account, params: Params) -> Document:
    """Invoices, by customer, subscription, status and so on."""

    def fits(invoice: Document) -> bool:
        return all(
            invoice[name] == params[name]
            for name in ("status", "collection_method")
            if name in params
        ) and invoice["_subscription"] == params.get(
            "subscription", invoice["_subscription"]
        )

    return page(
        account,
        "invoice",
        params,
        url="/v1/invoices",
        customer=params.get("customer"),
        match=fits,
    )


def lines(account: Account, params: Params, invoice: str) -> Document:
    """All lines of an invoice."""
    found = account.get("invoice", invoice)
    return slice_of(found["lines"]["data"], params, f"/v1/invoices/{invoice}/lines")


# What a preview takes into account; anything else would change it unseen.
PREVIEWED = {"customer", "subscription", "subscription_details", "discounts", "expand"}
PREVIEWED_DETAILS = {
    *("items", "proration_behavior", "proration_date", "billing_cycle_anchor"),
    "cancel_at_period_end",
}


def _refuse_others(params: Params, covered: set[str], where: str) -> None:
    for name in sorted(set(params) - covered):
        if params[name]:
            path = f"{where}[{name}]" if where else name
            raise ApiError(f"This emulator does not cover {path}.", param=path)


def preview(account: Account, params: Params) -> Document:
    """The invoice a change would make, or the next renewal's; nothing is kept."""
    details = params.get("subscription_details") or {}
    _refuse_others(params, PREVIEWED, "")
    _refuse_others(details, PREVIEWED_DETAILS, "subscription_details")
    if "subscription" not in params:
        return _preview_new(account, params, details)
    found = account.refer("subscription", params["subscription"], "subscription")
    customer = account.get("customer", found["customer"])
    ends = details.get("cancel_at_period_end") or found["cancel_at_period_end"]
    if found["status"] == "canceled" or (ends and not details.get("items")):
        raise ApiError(
            "No upcoming invoices for customer",
            code="invoice_upcoming_none",
            status=404,
        )
    before = found["discounts"]
    shown = copy.deepcopy(found)
    if "discounts" in params:
        shown["discounts"] = new_discounts(
            account, customer, shown, params, None, counted=False
        )
    invoice = _preview_change(account, customer, found, shown, details)
    for name in set(shown["discounts"]) - set(before):
        account.store.remove("discount", name)
    items.forget_previewed(account, found["items"]["data"], shown["items"]["data"])
    return invoice


def _preview_change(
    account: Account,
    customer: Document,
    found: Document,
    shown: Document,
    details: Params,
) -> Document:
    """What ``found`` is billed next if it becomes ``shown`` with other items."""
    if not details.get("items"):
        return sweeping.upcoming(account, customer, shown)
    changed = changing.changed_items(account, found, details["items"], counted=False)
    at = changing.proration_moment(account, found, details)
    on_trial = found["status"] == "trialing"
    reset = details.get("billing_cycle_anchor") == "now" or (
        changing.needs_reset(found, changed) and not on_trial
    )
    behaviour = details.get("proration_behavior", "create_prorations")
    prorations = []
    if behaviour != "none" and not on_trial:
        prorations = changing.proration_lines(account, found, changed, at, reset=reset)
    shown["items"]["data"] = changed
    if (behaviour == "always_invoice" and prorations) or reset:
        start = account.time_of(found)
        end = changed[0]["current_period_end"]
        if reset:
            end = boundary(start, *items.cycle(changed), 1)
            prorations += items.cycle_lines(account, shown, start, end)
        waiting = waiting_lines(account, found)
        return invoicing.new_invoice(
            account,
            customer,
            lines=waiting + prorations,
            currency=found["currency"],
            reason="subscription_update",
            subscription=shown,
            applied=running_discounts(account, shown, start),
            proration_date=at,
            starts_at=changed[0]["current_period_start"],
            ends_at=end,
            preview=True,
        )
    invoice = sweeping.upcoming(account, customer, shown)
    end = found["items"]["data"][0]["current_period_end"]
    invoicing.take_in(account, prorations, invoice["id"], at=end)
    invoice["lines"]["data"] = prorations + invoice["lines"]["data"]
    invoice["parent"]["subscription_details"]["subscription_proration_date"] = at
    invoicing.total_up(account, invoice)
    return invoice


def _preview_new(account: Account, params: Params, details: Params) -> Document:
    """What a subscription that does not exist yet would cost first."""
    customer = account.refer("customer", params.get("customer", ""), "customer")
    _refuse_others(params, {"customer", "subscription_details", "expand"}, "")
    if not details.get("items"):
        raise ApiError(
            "No upcoming invoices for customer",
            code="invoice_upcoming_none",
            status=404,
        )
    now = account.time_of(customer)
    fresh = [
        items.new_item(
            account,
            entry,
            customer=customer["id"],
            subscription="sub_preview",
            where=f"subscription_details[items][{index}]",
            created=now,
            counted=False,
        )
        for index, entry in enumerate(details["items"])
    ]
    items.check_together(fresh)
    end = boundary(now, *items.cycle(fresh), 1)
    items.set_period(fresh, now, end)
    shadow: Document = {"id": "sub_preview", "items": {"data": fresh}}
    invoice = invoicing.new_invoice(
        account,
        customer,
        lines=items.cycle_lines(account, shadow, now, end),
        currency=fresh[0]["price"]["currency"],
        reason="upcoming",
        preview=True,
    )
    items.forget_previewed(account, [], fresh)
    return invoice


def index_payments(account: Account, params: Params) -> Document:
    """Payments of invoices."""

    def fits(payment: Document) -> bool:
        wanted = (params.get("payment") or {}).get("payment_intent")
        return (
            payment["invoice"] == params.get("invoice", payment["invoice"])
            and payment["status"] == params.get("status", payment["status"])
            and (not wanted or payment["payment"]["payment_intent"] == wanted)
        )

    return page(
        account, "invoice_payment", params, url="/v1/invoice_payments", match=fits
    )


def retrieve_payment(account: Account, params: Params, payment: str) -> Document:
    """One payment of an invoice."""
    return account.get("invoice_payment", payment)
