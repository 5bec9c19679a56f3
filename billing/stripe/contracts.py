"""What is paid by invoice: who it is made out to, and the subscription behind it.

Asks through the adapter's client, so it may be called inside no transaction either.
Errors are those of ``adapter.translated``.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing.stripe.adapter import (
    LISTED_PARTS,
    SUBSCRIPTION_PARTS,
    client,
    read_listed,
    read_subscription,
    translated,
)
from billing.stripe.exceptions import StripeMissing
from billing.stripe.objects import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class BillTo:
    """What the invoices of a customer say about it.

    ``fields`` are at most four pairs of a name (40 characters) and a value (140).
    ``tax_kind`` is one of Stripe's kinds, such as ``eu_vat``; empty without a number.
    """

    name: str
    email: str
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str
    fields: tuple[tuple[str, str], ...] = ()
    tax_kind: str = ""
    tax_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractOrder:
    """A subscription that is paid by invoice, ``days_until_due`` days after it.

    ``reference`` is kept with it, so that what was made is found again. ``coupon_id``
    is empty without a discount.
    """

    customer_id: str
    price_id: str
    quantity: int
    days_until_due: int
    reference: str
    coupon_id: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def write_bill_to(customer_id: str, bill_to: BillTo) -> None:
    """Have the invoices of a customer say what ``bill_to`` says. Safe to repeat."""
    params: Any = {
        "name": bill_to.name,
        "email": bill_to.email,
        # Empty text would be an attempt to unset what cannot be unset.
        "address": {
            name: value
            for name in ("line1", "line2", "city", "state", "postal_code", "country")
            if (value := getattr(bill_to, name))
        },
        "invoice_settings": {
            "custom_fields": [
                {"name": name, "value": value} for name, value in bill_to.fields
            ]
            or ""
        },
    }
    with translated():
        client().v1.customers.update(customer_id, params)
        _write_tax_number(customer_id, bill_to)


def ensure_coupon(coupon_id: str, *, percent: Decimal, name: str) -> str:
    """Return the id of a coupon that takes ``percent`` off for ever, made once."""
    try:
        with translated():
            client().v1.coupons.retrieve(coupon_id)
    except StripeMissing:
        params: Any = {
            "id": coupon_id,
            "percent_off": float(percent),
            "duration": "forever",
            "name": name,
        }
        options: Any = {"idempotency_key": f"coupon:{coupon_id}"}
        with translated():
            client().v1.coupons.create(params, options)
    return coupon_id


def find_contract(customer_id: str, reference: str) -> Subscription | None:
    """Return the subscription that was made for ``reference``, ended ones too."""
    params: Any = {
        "customer": customer_id,
        "status": "all",
        "limit": 100,
        "expand": list(LISTED_PARTS),
    }
    with translated():
        for found in client().v1.subscriptions.list(params).auto_paging_iter():
            raw = found.to_dict(for_json=True)
            if (raw.get("metadata") or {}).get("quote") == reference:
                return read_listed(raw)
    return None


def create_contract(order: ContractOrder, *, idempotency_key: str) -> Subscription:
    """Begin a subscription that sends invoices."""
    discounts = [{"coupon": order.coupon_id}] if order.coupon_id else []
    params: Any = {
        "customer": order.customer_id,
        "items": [{"price": order.price_id, "quantity": order.quantity}],
        "collection_method": "send_invoice",
        "days_until_due": order.days_until_due,
        "metadata": {**order.metadata, "quote": order.reference},
        "expand": list(SUBSCRIPTION_PARTS),
        **({"discounts": discounts} if discounts else {}),
    }
    with translated():
        made = client().v1.subscriptions.create(
            params, {"idempotency_key": idempotency_key}
        )
        return read_subscription(made.to_dict(for_json=True))


def send_invoice(invoice_id: str, *, idempotency_key: str) -> None:
    """Finalise an invoice and mail it, rather than wait for Stripe's hour."""
    with translated():
        client().v1.invoices.send_invoice(
            invoice_id, {}, {"idempotency_key": idempotency_key}
        )


def set_contract_end(subscription_id: str, *, at: int | None) -> Subscription:
    """Let a subscription end at the second ``at``, or go on."""
    params: Any = {"cancel_at": "" if at is None else at}
    params["expand"] = list(SUBSCRIPTION_PARTS)
    with translated():
        found = client().v1.subscriptions.update(subscription_id, params)
        return read_subscription(found.to_dict(for_json=True))


def _write_tax_number(customer_id: str, bill_to: BillTo) -> None:
    """Leave the customer with the one number that stands on the quote."""
    numbers = client().v1.customers.tax_ids
    wanted = (bill_to.tax_kind, bill_to.tax_number)
    is_there = not bill_to.tax_number
    for found in numbers.list(customer_id).auto_paging_iter():
        if (found.type, found.value) == wanted and not is_there:
            is_there = True
        else:
            numbers.delete(customer_id, found.id)
    if not is_there:
        params: Any = {"type": bill_to.tax_kind, "value": bill_to.tax_number}
        numbers.create(customer_id, params)
