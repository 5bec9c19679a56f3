"""Invoices from draft to paid: lines, totals, finalisation."""

from fractions import Fraction
from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import billto, discounts, payments
from stripe_emulator.engine.pricing import decimal_text, rounded, unit_amount
from stripe_emulator.errors import ApiError
from stripe_emulator.render import listing
from stripe_emulator.store import Document

DRAFT_SECONDS = 3600


def new_line(
    *,
    price: Document,
    quantity: int | None,
    amount: int,
    start: int,
    end: int,
    description: str,
    item: dict[str, Any] | None = None,
    invoice_item: Document | None = None,
    proration: bool = False,
    subscription: str | None = None,
    tax_rates: list[Document] | None = None,
) -> dict[str, Any]:
    """One line, with the item or invoice item it comes from as parent."""
    details: dict[str, Any] = {
        "invoice_item": invoice_item["id"] if invoice_item else None,
        "proration": proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription,
    }
    kind = "subscription_item_details" if item else "invoice_item_details"
    if item:
        details["subscription_item"] = item["id"]
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": kind,
            "invoice_item_details": None if item else details,
            "subscription_item_details": details if item else None,
        },
        "period": {"start": start, "end": end},
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": decimal_text(unit_amount(price)),
        },
        "quantity": quantity,
        "quantity_decimal": None if quantity is None else str(quantity),
        "subscription": subscription,
        "subtotal": amount,
        "taxes": [],
        "_discounts": list(item["discounts"]) if item else [],
        "_proration": proration,
        "_tax_rates": tax_rates or [],
    }


def new_invoice(
    account: Account,
    customer: Document,
    *,
    lines: list[dict[str, Any]],
    currency: str,
    reason: str,
    subscription: Document | None = None,
    applied: list[Document] | None = None,
    discounts_at: int | None = None,
    proration_date: int | None = None,
    starts_at: int | None = None,
    ends_at: int | None = None,
    collection_method: str = "charge_automatically",
    days_until_due: int | None = None,
    metadata: dict[str, str] | None = None,
    preview: bool = False,
) -> Document:
    """A draft with totals; a preview is not stored.

    ``applied`` are the discounts of all of it; those of single items count that have
    not ended ``discounts_at``, which is now.
    """
    now = account.time_of(customer)
    identifier = new_id("upcoming_in" if preview else "in")
    take_in(account, lines, identifier, at=discounts_at or now)
    owner = subscription or {}
    parent = subscription and {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
            "subscription_proration_date": proration_date,
        },
    }
    applied = applied or []
    invoice: Document = {
        "id": identifier,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Emulated account",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": owner.get(
            "automatic_tax",
            {"disabled_reason": None, "enabled": False, "liability": None},
        )
        | {"provider": None, "status": None},
        "automatically_finalizes_at": None,
        "billing_reason": reason,
        "collection_method": collection_method,
        "created": now,
        "currency": currency,
        "custom_fields": customer["invoice_settings"]["custom_fields"],
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": billto.tax_ids_of(account, customer["id"]),
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": owner.get("default_tax_rates", []),
        "description": None,
        "discounts": [discount["id"] for discount in applied],
        "due_date": now + days_until_due * 86400
        if days_until_due is not None
        else None,
        "effective_at": None,
        "ending_balance": None,
        "footer": customer["invoice_settings"]["footer"],
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": listing(f"/v1/invoices/{identifier}/lines", lines),
        "livemode": False,
        "metadata": metadata or {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": parent,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": now if ends_at is None else ends_at,
        "period_start": now if starts_at is None else starts_at,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": customer["balance"],
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": customer["test_clock"],
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
        "_subscription": owner.get("id"),
    }
    total_up(account, invoice)
    if not preview:
        account.put(invoice)
        account.emit("invoice.created", invoice)
    return invoice


def take_in(
    account: Account, lines: list[dict[str, Any]], invoice: str, *, at: int
) -> None:
    """Let lines be an invoice's, with what has not ended ``at`` of their discounts."""
    for line in lines:
        found = discounts.running(account, _own(line), at)
        line.update(invoice=invoice, _discounts=[one["id"] for one in found])


def total_up(account: Account, invoice: Document) -> None:
    """Work out discounts, taxes, totals and what is due from the lines."""
    lines = invoice["lines"]["data"]
    for line in lines:
        line.update(discounts=[], discount_amounts=[], taxes=[])
    off_lines = [
        part
        for name in dict.fromkeys(each for line in lines for each in _own(line))
        for part in discounts.take_off(
            [(name, _coupon_of(account, name))],
            [line for line in lines if name in _own(line)],
        )
    ]
    coupons = [(name, _coupon_of(account, name)) for name in invoice["discounts"]]
    invoice["total_discount_amounts"] = [
        *off_lines,
        *discounts.take_off(coupons, lines),
    ]
    invoice["total_taxes"] = taxes_of(lines, invoice["default_tax_rates"])
    subtotal = sum(line["amount"] for line in lines)
    off = sum(part["amount"] for part in invoice["total_discount_amounts"])
    added = sum(
        tax["amount"]
        for tax in invoice["total_taxes"]
        if tax["tax_behavior"] == "exclusive"
    )
    inside = sum(tax["amount"] for tax in invoice["total_taxes"]) - added
    total = subtotal - off + added
    invoice.update(
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - inside,
        total=total,
        total_excluding_tax=total - added - inside,
    )
    due = max(0, total + invoice["starting_balance"])
    invoice.update(amount_due=due, amount_remaining=due)


def _own(line: dict[str, Any]) -> list[str]:
    """The discounts of the line's own item, which come off first."""
    found: list[str] = line.get("_discounts", [])
    return found


def _coupon_of(account: Account, discount: str) -> Document:
    return account.get("coupon", account.get("discount", discount)["source"]["coupon"])


def taxes_of(
    lines: list[dict[str, Any]], default_rates: list[Document]
) -> list[dict[str, Any]]:
    """Fill the lines' ``taxes``; returns the totals per rate."""
    totals: dict[str, dict[str, Any]] = {}
    for line in lines:
        net = line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
        for rate in line["_tax_rates"] or default_rates:
            percent = Fraction(str(rate["percentage"])) / 100
            share = percent / (1 + percent) if rate["inclusive"] else percent
            tax = {
                "amount": rounded(net * share),
                "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
                "tax_rate_details": {"tax_rate": rate["id"]},
                "taxability_reason": "not_available",
                "taxable_amount": net,
                "type": "tax_rate_details",
            }
            line["taxes"].append(tax)
            total = totals.setdefault(
                rate["id"], {**tax, "amount": 0, "taxable_amount": 0}
            )
            total["amount"] += tax["amount"]
            total["taxable_amount"] += net
    return list(totals.values())


def finalize(account: Account, invoice: Document) -> Document:
    """Number the draft, settle the customer's balance and make it payable."""
    if invoice["status"] != "draft":
        raise ApiError(
            "This invoice is already finalized, you can't re-finalize a non-draft "
            "invoice.",
            code="invoice_not_editable",
        )
    customer = account.get("customer", invoice["customer"])
    now = account.time_of(invoice)
    invoice["starting_balance"] = customer["balance"]
    billto.refresh(account, invoice, customer)
    total_up(account, invoice)
    ending = _settle_balance(account, customer, invoice)
    number = customer["_invoices"] = customer["_invoices"] + 1
    account.put(customer)
    token = new_id("inv")
    base = account.settings.base_url
    invoice.update(
        number=f"{customer['invoice_prefix']}-{number:04d}",
        status="open",
        ending_balance=ending,
        effective_at=now,
        automatically_finalizes_at=None,
        hosted_invoice_url=f"{base}/i/{token}",
        invoice_pdf=f"{base}/i/{token}/pdf",
        _token=token,
    )
    invoice["status_transitions"]["finalized_at"] = now
    if invoice["automatic_tax"]["enabled"]:
        invoice["automatic_tax"]["status"] = "complete"
    if invoice["amount_due"] > 0:
        _open_payment(account, invoice)
    account.put(invoice)
    account.emit("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        mark_paid(account, invoice)
    return invoice


def _settle_balance(account: Account, customer: Document, invoice: Document) -> int:
    """Use up credit, or keep a negative total as credit; returns what is left."""
    start = customer["balance"]
    ending = min(0, int(start + invoice["total"]))
    if ending != start:
        before = account.snapshot(customer)
        customer["balance"] = ending
        account.put(customer)
        account.emit_update("customer.updated", customer, before)
    return ending


def _open_payment(account: Account, invoice: Document) -> None:
    intent = payments.new_intent(
        account,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=f"Invoice {invoice['number']}",
    )
    payment: Document = {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": account.time_of(invoice),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        "_customer": invoice["customer"],
    }
    account.put(payment)
    invoice["_payment"] = payment["id"]
    invoice["_intent"] = intent["id"]
    invoice["confirmation_secret"] = {
        "client_secret": intent["client_secret"],
        "type": "payment_intent",
    }


def mark_paid(
    account: Account, invoice: Document, *, out_of_band: bool = False
) -> None:
    """Close the invoice as paid and say so."""
    now = account.time_of(invoice)
    payment = account.find("invoice_payment", invoice.get("_payment"))
    if payment is not None:
        payment.update(amount_paid=invoice["amount_due"], status="paid")
        if out_of_band:
            payment.update(amount_paid=None, status="canceled")
        payment["status_transitions"]["paid_at"] = None if out_of_band else now
        account.put(payment)
        if not out_of_band:
            account.emit("invoice_payment.paid", payment)
    invoice.update(
        status="paid",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        next_payment_attempt=None,
    )
    invoice["status_transitions"]["paid_at"] = now
    account.put(invoice)
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)


def close_unpaid(account: Account, invoice: Document, status: str) -> Document:
    """Void an open invoice or write it off."""
    if invoice["status"] not in {"open", "uncollectible"} or (
        status == invoice["status"]
    ):
        raise ApiError(
            f"You can only pass in open invoices. This invoice isn't open, it is "
            f"{invoice['status']}.",
            code="invoice_not_editable",
        )
    now = account.time_of(invoice)
    voided = status == "void"
    transition = "voided_at" if voided else "marked_uncollectible_at"
    invoice.update(status=status, next_payment_attempt=None)
    invoice["status_transitions"][transition] = now
    intent = account.find("payment_intent", invoice.get("_intent"))
    payment = account.find("invoice_payment", invoice.get("_payment"))
    if voided and intent and intent["status"] != "succeeded":
        intent.update(
            status="canceled", canceled_at=now, cancellation_reason="void_invoice"
        )
        account.put(intent)
        account.emit("payment_intent.canceled", intent)
    if voided and payment:
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = now
        account.put(payment)
    account.put(invoice)
    account.emit(f"invoice.{'voided' if voided else 'marked_uncollectible'}", invoice)
    return invoice
