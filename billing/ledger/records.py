"""What the ledger is told about invoices, of any payment provider."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecord:
    """One line of an invoice; ``amount`` in minor units, before discount and tax."""

    stripe_id: str
    amount: int
    description: str = ""
    quantity: int = 1
    stripe_price_id: str = ""
    is_proration: bool = False
    period_start: datetime | None = None
    period_end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecord:
    """Money that arrived, or did not."""

    stripe_id: str
    amount: int
    status: str
    payment_intent_id: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRecord:
    """Money that went back, or may; ``amount`` in minor units, tax included.

    ``kind`` is ``refund``, ``dispute`` or ``credit_note``.
    """

    stripe_id: str
    amount: int
    status: str
    refunded_at: datetime
    kind: str = "refund"
    reason: str = ""
    answer_by: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRecord:
    """An invoice as it stood when it was fetched."""

    stripe_id: str
    status: str
    currency: str
    subtotal: int
    total: int
    amount_due: int
    amount_paid: int
    issued_at: datetime
    tax: int = 0
    discount: int = 0
    number: str = ""
    billing_reason: str = ""
    subscription_stripe_id: str = ""
    due_at: datetime | None = None
    paid_at: datetime | None = None
    next_attempt_at: datetime | None = None
    attempt_count: int = 0
    period_start: datetime | None = None
    period_end: datetime | None = None
    hosted_url: str = ""
    pdf_url: str = ""
    lines: tuple[LineRecord, ...] = ()
    payments: tuple[PaymentRecord, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)
