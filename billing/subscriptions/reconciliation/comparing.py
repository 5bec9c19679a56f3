"""How our rows differ from what Stripe has, object by object; nothing is changed here.

Every column is compared unless ``OURS`` says why it cannot be. A test corrupts each
of the others, so a new column is compared or given a reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.db import models

from billing.ledger.models import Invoice, InvoiceLine, Payment, Refund
from billing.ledger.queries import holding_dispute
from billing.ledger.services import GONE, invoice_values
from billing.stripe import objects
from billing.subscriptions import values
from billing.subscriptions.customers import organisation_of
from billing.subscriptions.entitling import is_granting
from billing.subscriptions.models import (
    BillingAccount,
    Subscription,
    SubscriptionItem,
)

# What differs of one object: by column, ours and theirs.
Unlike = dict[str, tuple[Any, Any]]

_KEY = "a number of the row"
_COPY = "kept for a person to read"
_WHEN = "when it was fetched or heard of, by our clock"
_HEARD = "what others were told, which Stripe does not know"
OURS: dict[type[models.Model], dict[str, str]] = {
    BillingAccount: {"organisation": _KEY, "fetched_at": _WHEN},
    Subscription: {
        "id": _KEY,
        "user": "who began the checkout",
        "first_failed_at": _WHEN,
        "raw": _COPY,
        "fetched_at": _WHEN,
        "revision": "how often it was written",
    },
    SubscriptionItem: {"id": _KEY},
    Invoice: {
        "id": _KEY,
        "user": "who began the checkout",
        "told_paid": _HEARD,
        "told_returned": _HEARD,
        "raw": _COPY,
        "fetched_at": _WHEN,
    },
    InvoiceLine: {"id": _KEY},
    Payment: {"id": _KEY},
    Refund: {
        "id": _KEY,
        "counted_at": "by our clock; whether it is there is compared",
        "fetched_at": _WHEN,
    },
}
MISSING: Unlike = {"object": ("missing", "there")}


def unlike_subscription(
    fetched: objects.Subscription, row: Subscription | None, prices: values.Prices
) -> Unlike:
    """Return how a subscription differs, with its items and what it grants."""
    if row is None:
        return MISSING
    expected = values.subscription_values(
        fetched, known=row, prices=prices, fetched_at=row.fetched_at
    )
    payer = organisation_of(fetched.customer_id)
    if payer is not None:
        expected["organisation_id"] = payer.pk
    dispute = holding_dispute(row.stripe_id)
    expected["frozen_at"] = dispute.refunded_at if dispute else None
    price = row.entitled_price
    grants = price and is_granting(row)
    expected["granted_plan"] = price.plan_version.plan.key if price and grants else ""
    items = {item.stripe_id: item for item in row.items.all()}
    return _unlike(expected, row) | _unlike_parts(
        "item",
        {item.id: values.item_values(item, prices) for item in fetched.items},
        items,
    )


def unlike_invoice(
    fetched: objects.Invoice, row: Invoice | None, *, organisation_id: int
) -> Unlike:
    """Return how an invoice differs, with its lines and payments."""
    if row is None:
        return MISSING
    record = values.invoice_record(fetched)
    expected = invoice_values(record, known=row, user_id=None)
    expected["organisation_id"] = organisation_id
    return (
        _unlike(expected, row)
        | _unlike_parts(
            "line",
            {line.stripe_id: _columns(line) for line in record.lines},
            {line.stripe_id: line for line in row.lines.all()},
        )
        | _unlike_parts(
            "payment",
            {payment.stripe_id: _columns(payment) for payment in record.payments},
            {payment.stripe_id: payment for payment in row.payments.all()},
        )
    )


def unlike_refund(
    fetched: objects.Refund | objects.Dispute | objects.CreditNote,
    row: Refund | None,
) -> Unlike:
    """Return how money that went back differs, the invoice it is on included."""
    if row is None:
        return MISSING
    record = values.refund_record(fetched)
    found = _unlike(_columns(record), row)
    if row.invoice.stripe_id != fetched.invoice_id:
        found["invoice"] = (row.invoice.stripe_id, fetched.invoice_id)
    is_gone = (record.kind, record.status) in GONE
    if (row.counted_at is not None) != is_gone:
        found["counted_at"] = (row.counted_at, is_gone)
    return found


def unlike_card(card: objects.Card | None, account: BillingAccount) -> Unlike:
    """Return how the card that is shown differs from the one that pays."""
    return _unlike(values.card_values(card), account)


def unlike_charge(charge: objects.Charge, payments: Iterable[Payment]) -> Unlike:
    """Return how money that a card was charged differs from what we booked."""
    booked = sum(each.amount for each in payments if each.status == "paid")
    return {} if booked == charge.amount else {"amount": (booked, charge.amount)}


def _columns(record: Any) -> dict[str, Any]:
    columns = asdict(record)
    del columns["stripe_id"]
    return columns


def _unlike(expected: Mapping[str, Any], row: models.Model) -> Unlike:
    return {
        name: (getattr(row, name), value)
        for name, value in expected.items()
        if getattr(row, name) != value
    }


def _unlike_parts(
    name: str,
    expected: Mapping[str, Mapping[str, Any]],
    rows: Mapping[str, models.Model],
) -> Unlike:
    found: Unlike = {}
    for stripe_id in expected.keys() | rows.keys():
        if stripe_id not in rows:
            found[f"{name} {stripe_id}"] = ("missing", "there")
        elif stripe_id not in expected:
            found[f"{name} {stripe_id}"] = ("there", "missing")
        else:
            for column, pair in _unlike(expected[stripe_id], rows[stripe_id]).items():
                found[f"{name} {stripe_id} {column}"] = pair
    return found
