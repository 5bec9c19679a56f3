"""Amounts that wait for the next invoice."""

from stripe_emulator.account import Account, new_id
from stripe_emulator.store import Document


def new_invoice_item(
    account: Account, customer: Document, *, amount: int, currency: str
) -> Document:
    """An invoice item that belongs to nobody's subscription yet."""
    now = account.time_of(customer)
    return {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": currency,
        "customer": customer["id"],
        "customer_account": None,
        "date": now,
        "description": None,
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": amount,
        "parent": None,
        "period": {"start": now, "end": now},
        "pricing": None,
        "proration": False,
        "quantity": 1,
        "quantity_decimal": "1",
        "tax_rates": [],
        "test_clock": customer["test_clock"],
        "_subscription": None,
    }
