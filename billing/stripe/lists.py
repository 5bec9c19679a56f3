"""Everything of one kind the account has at Stripe, for reconciliation.

Generators ask for the next page as they are read, so nothing here may be read inside a
transaction either. Errors are those of ``adapter.translated``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from billing.stripe import convert
from billing.stripe.adapter import (
    LISTED_PARTS,
    client,
    lines_of,
    read_listed,
    translated,
)
from billing.stripe.objects import (
    Charge,
    CreditNote,
    Customer,
    Dispute,
    Invoice,
    Refund,
    Subscription,
)


def events_since(created: int) -> Iterator[dict[str, Any]]:
    """Yield every event of the account since a moment, newest first."""
    with translated():
        events = client().v1.events.list({"created": {"gte": created}, "limit": 100})
        for event in events.auto_paging_iter():
            yield event.to_dict(for_json=True)


def subscriptions() -> Iterator[Subscription]:
    """Yield every subscription of the account, ended ones too."""
    params: Any = {"status": "all", "limit": 100, "expand": list(LISTED_PARTS)}
    with translated():
        for raw in _every(client().v1.subscriptions.list(params)):
            yield read_listed(raw)


def invoices() -> Iterator[Invoice]:
    """Yield every invoice of the account with its lines and payments."""
    params: Any = {"limit": 100, "expand": ["data.payments"]}
    with translated():
        for raw in _every(client().v1.invoices.list(params)):
            yield convert.invoice(raw, lines_of(raw))


def refunds(invoice_of: Mapping[str, str]) -> Iterator[Refund]:
    """Yield every refund; ``invoice_of`` knows invoices by payment intent."""
    with translated():
        for raw in _every(client().v1.refunds.list({"limit": 100})):
            intent = convert.reference(raw.get("payment_intent"))
            yield convert.refund(raw, invoice_id=invoice_of.get(intent, ""))


def disputes(invoice_of: Mapping[str, str]) -> Iterator[Dispute]:
    """Yield every dispute; ``invoice_of`` knows invoices by payment intent."""
    with translated():
        for raw in _every(client().v1.disputes.list({"limit": 100})):
            intent = convert.reference(raw.get("payment_intent"))
            yield convert.dispute(raw, invoice_id=invoice_of.get(intent, ""))


def credit_notes() -> Iterator[CreditNote]:
    """Yield every credit note of the account."""
    with translated():
        for raw in _every(client().v1.credit_notes.list({"limit": 100})):
            yield convert.credit_note(raw)


def charges() -> Iterator[Charge]:
    """Yield every charge of the account."""
    with translated():
        for raw in _every(client().v1.charges.list({"limit": 100})):
            yield convert.charge(raw)


def customers() -> Iterator[Customer]:
    """Yield every customer of the account that was not deleted."""
    part = "data.invoice_settings.default_payment_method"
    params: Any = {"limit": 100, "expand": [part]}
    with translated():
        for raw in _every(client().v1.customers.list(params)):
            yield convert.customer(raw)


def _every(found: Any) -> Iterator[dict[str, Any]]:
    for each in found.auto_paging_iter():
        yield each.to_dict(for_json=True)
