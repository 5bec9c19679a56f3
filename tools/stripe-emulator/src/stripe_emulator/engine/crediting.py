"""Credit notes: taking back part of an invoice after it was issued."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import invoicing, payments
from stripe_emulator.engine.pricing import rounded
from stripe_emulator.errors import ApiError
from stripe_emulator.render import listing
from stripe_emulator.store import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Where what was paid goes back to, in minor units."""

    refund: int
    credit: int
    out_of_band: int

    @property
    def total(self) -> int:
        return self.refund + self.credit + self.out_of_band


def issue(
    account: Account,
    invoice: Document,
    *,
    amount: int,
    shares: Shares,
    reason: str | None,
    memo: str | None,
    metadata: dict[str, str],
) -> Document:
    """Issue a note: off what is owed of an open invoice, or back from a paid one."""
    if invoice["status"] not in {"open", "paid"}:
        raise ApiError(
            "You can only create credit notes for finalized invoices that are open or "
            f"paid. This invoice is {invoice['status']}.",
            param="invoice",
        )
    is_open = invoice["status"] == "open"
    _require_fitting(invoice, amount, shares, is_open=is_open)
    note = _new_note(account, invoice, amount=amount, is_open=is_open)
    note.update(reason=reason, memo=memo, metadata=metadata)
    if is_open:
        _owe(account, invoice, -amount)
    else:
        note["out_of_band_amount"] = shares.out_of_band or None
        _give_back(account, invoice, note, shares)
    account.put(note)
    account.emit("credit_note.created", note)
    return note


def void(account: Account, note: Document) -> Document:
    """Take a note back, while its invoice is still open."""
    invoice = account.get("invoice", note["invoice"])
    if note["status"] == "void" or invoice["status"] != "open":
        raise ApiError("You can only void credit notes of open invoices.")
    note.update(status="void", voided_at=account.time_of(note))
    account.put(note)
    _owe(account, invoice, note["amount"])
    account.emit("credit_note.voided", note)
    return note


def _require_fitting(
    invoice: Document, amount: int, shares: Shares, *, is_open: bool
) -> None:
    left = (
        invoice["amount_remaining"]
        if is_open
        else invoice["total"]
        - invoice["pre_payment_credit_notes_amount"]
        - invoice["post_payment_credit_notes_amount"]
    )
    if not 0 < amount <= left:
        raise ApiError(
            f"The credit note's amount ({amount}) has to be between 1 and what is left "
            f"of the invoice ({left}).",
            param="amount",
        )
    if shares.total != (0 if is_open else amount):
        raise ApiError(
            "The sum of refund_amount, credit_amount and out_of_band_amount must equal "
            "the amount of the credit note that was paid.",
            param="amount",
        )


def _owe(account: Account, invoice: Document, change: int) -> None:
    """Let an open invoice ask for more or less; one that asks for nothing is paid."""
    before = account.snapshot(invoice)
    invoice["amount_due"] += change
    invoice["amount_remaining"] += change
    invoice["pre_payment_credit_notes_amount"] -= change
    payment = account.find("invoice_payment", invoice.get("_payment"))
    intent = account.find("payment_intent", invoice.get("_intent"))
    if payment and intent:
        payment["amount_requested"] = intent["amount"] = invoice["amount_due"]
        account.put(payment)
        account.put(intent)
    account.put(invoice)
    account.emit_update("invoice.updated", invoice, before)
    if invoice["amount_due"] == 0:
        # No card is charged for nothing.
        invoicing.mark_paid(account, invoice, out_of_band=True)


def _give_back(
    account: Account, invoice: Document, note: Document, shares: Shares
) -> None:
    if shares.refund:
        intent = account.find("payment_intent", invoice.get("_intent"))
        charge = intent and account.find("charge", intent["latest_charge"])
        if not charge:
            raise ApiError("No charge paid this invoice.", param="refund_amount")
        refund = payments.refund(
            account, charge, amount=shares.refund, reason=None, metadata={}
        )
        note["refunds"] = [
            {
                "amount_refunded": refund["amount"],
                "payment_record_refund": None,
                "refund": refund["id"],
                "type": "refund",
            }
        ]
    if shares.credit:
        customer = account.get("customer", invoice["customer"])
        before = account.snapshot(customer)
        customer["balance"] -= shares.credit
        account.put(customer)
        account.emit_update("customer.updated", customer, before)
    before = account.snapshot(invoice)
    invoice["post_payment_credit_notes_amount"] += note["amount"]
    account.put(invoice)
    account.emit_update("invoice.updated", invoice, before)


def _new_note(
    account: Account, invoice: Document, *, amount: int, is_open: bool
) -> Document:
    identifier = new_id("cn")
    taxes = sum(tax["amount"] for tax in invoice["total_taxes"])
    share = rounded(Fraction(taxes * amount, invoice["total"]))
    count = sum(
        note["invoice"] == invoice["id"]
        for note in account.scan("credit_note", customer=invoice["customer"])
    )
    line: dict[str, Any] = {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": amount - share,
        "description": "Credit",
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": None,
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        "unit_amount": amount - share,
        "unit_amount_decimal": str(amount - share),
    }
    return {
        "id": identifier,
        "object": "credit_note",
        "amount": amount,
        "amount_shipping": 0,
        "created": account.time_of(invoice),
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        # Balance transactions are not emulated; the customer's balance is.
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": account.time_of(invoice),
        "invoice": invoice["id"],
        "lines": listing(f"/v1/credit_notes/{identifier}/lines", [line]),
        "livemode": False,
        "memo": None,
        "metadata": {},
        "number": f"{invoice['number']}-CN-{count + 1:02d}",
        "out_of_band_amount": None,
        "pdf": f"{invoice['invoice_pdf']}",
        "post_payment_amount": 0 if is_open else amount,
        "pre_payment_amount": amount if is_open else 0,
        "pretax_credit_amounts": [],
        "reason": None,
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": amount - share,
        "subtotal_excluding_tax": amount - share,
        "total": amount,
        "total_excluding_tax": amount - share,
        "total_taxes": [],
        "type": "pre_payment" if is_open else "post_payment",
        "voided_at": None,
    }
