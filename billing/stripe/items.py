"""Amounts that are put on a customer's next invoice, beside what a plan costs.

Asks through the adapter's client, so it may be called inside no transaction either.
Errors are those of ``adapter.translated``.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from billing.stripe import convert
from billing.stripe.adapter import client, translated
from billing.stripe.objects import InvoiceItem

# What of ours an item or an invoice stands for, in its metadata.
REFERENCE = "charge"
# What most companies pay an invoice within.
DAYS_TO_PAY = 30


def create_item(
    *,
    customer_id: str,
    subscription_id: str,
    invoice_id: str,
    amount: int,
    currency: str,
    description: str,
    starts_at: datetime,
    ends_at: datetime,
    reference: str,
    idempotency_key: str,
) -> InvoiceItem:
    """Put an amount on a draft, or without one on the subscription's next invoice.

    ``amount`` is in minor units and may be below nought; ``reference`` finds the item
    again. Raises ``StripeRefused`` when the draft was issued meanwhile.
    """
    params: Any = {
        "customer": customer_id,
        "amount": amount,
        "currency": currency,
        "description": description,
        "period": {
            "start": int(starts_at.timestamp()),
            "end": int(ends_at.timestamp()),
        },
        "metadata": {REFERENCE: reference},
    }
    if invoice_id:
        params["invoice"] = invoice_id
    elif subscription_id:
        params["subscription"] = subscription_id
    with translated():
        made = client().v1.invoice_items.create(
            params, {"idempotency_key": idempotency_key}
        )
        return convert.invoice_item(made.to_dict(for_json=True))


def find_item(customer_id: str, reference: str) -> InvoiceItem | None:
    """Return the customer's item that carries ``reference``, wherever it is."""
    params: Any = {"customer": customer_id, "limit": 100}
    with translated():
        for raw in client().v1.invoice_items.list(params).auto_paging_iter():
            found = convert.invoice_item(raw.to_dict(for_json=True))
            if found.reference == reference:
                return found
    return None


def items_since(created: datetime) -> Iterator[InvoiceItem]:
    """Yield every item of the account that stands for something of ours."""
    params: Any = {"created": {"gte": int(created.timestamp())}, "limit": 100}
    with translated():
        for raw in client().v1.invoice_items.list(params).auto_paging_iter():
            found = convert.invoice_item(raw.to_dict(for_json=True))
            if found.reference:
                yield found


def draft_of(subscription_id: str) -> str:
    """Return the subscription's invoice that is not issued yet; empty without one."""
    params: Any = {"subscription": subscription_id, "status": "draft", "limit": 1}
    with translated():
        found = client().v1.invoices.list(params).to_dict(for_json=True)["data"]
    return str(found[0]["id"]) if found else ""


def is_draft(invoice_id: str) -> bool:
    """Say whether an invoice can still be added to."""
    with translated():
        return client().v1.invoices.retrieve(invoice_id).status == "draft"


def create_draft(
    *,
    customer_id: str,
    currency: str,
    is_charged: bool,
    reference: str,
    idempotency_key: str,
) -> str:
    """Begin an invoice of its own, which Stripe issues within an hour.

    It is charged to the card, or else mailed and due within thirty days.
    """
    how: dict[str, Any] = {"collection_method": "charge_automatically"}
    if not is_charged:
        how = {"collection_method": "send_invoice", "days_until_due": DAYS_TO_PAY}
    params: Any = {
        "customer": customer_id,
        "currency": currency,
        "auto_advance": True,
        "pending_invoice_items_behavior": "exclude",
        "metadata": {REFERENCE: reference},
        **how,
    }
    with translated():
        made = client().v1.invoices.create(params, {"idempotency_key": idempotency_key})
        return str(made.id)
