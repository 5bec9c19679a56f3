"""Giving money back.

Asks through the adapter's client, so it may be called inside no transaction either.
Errors are those of ``adapter.translated``.
"""

from typing import Any

from billing.stripe import convert
from billing.stripe.adapter import client, translated
from billing.stripe.objects import Refund


def create_refund(
    *,
    payment_intent_id: str,
    amount: int,
    invoice_id: str,
    order: str,
    idempotency_key: str,
) -> Refund:
    """Give ``amount`` minor units of a payment back; ``order`` is kept with it."""
    params: Any = {
        "payment_intent": payment_intent_id,
        "amount": amount,
        "reason": "requested_by_customer",
        "metadata": {"order": order},
    }
    with translated():
        made = client().v1.refunds.create(params, {"idempotency_key": idempotency_key})
        return convert.refund(made.to_dict(for_json=True), invoice_id=invoice_id)


def find_refund(
    payment_intent_id: str, *, order: str, invoice_id: str
) -> Refund | None:
    """Return the refund that was made for ``order``, if one was."""
    params: Any = {"payment_intent": payment_intent_id, "limit": 100}
    with translated():
        for found in client().v1.refunds.list(params).auto_paging_iter():
            raw = found.to_dict(for_json=True)
            if (raw.get("metadata") or {}).get("order") == order:
                return convert.refund(raw, invoice_id=invoice_id)
    return None
