"""What the adapter hands out: plain frozen values, never the SDK's objects."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A verified webhook event: its envelope and what it is about."""

    id: str
    type: str
    api_version: str
    livemode: bool
    created_at: datetime
    object_kind: str
    object_id: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The little that may be shown of a payment method."""

    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    # The same for the same card in every account.
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """What a customer pays with; without one once it was taken away."""

    id: str
    customer_id: str
    card: Card | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who pays."""

    id: str
    email: str
    currency: str
    is_deleted: bool
    organisation: str
    card: Card | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSession:
    """One visit to the hosted checkout."""

    id: str
    url: str
    status: str
    payment_status: str
    customer_id: str
    subscription_id: str
    invoice_id: str
    client_reference_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What is taken off, and until when; without an end it goes on for ever.

    ``products`` are what it is taken off; none is everything there is.
    """

    percent: Decimal | None
    amount: int | None
    ends_at: datetime | None
    is_once: bool
    id: str = ""
    products: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionItem:
    """One price a subscription charges for."""

    id: str
    price_id: str
    quantity: int
    period_start: datetime | None
    period_end: datetime | None
    # Minor units of one; unknown where tiers or usage decide.
    unit_amount: int | None = None
    interval: str = ""
    interval_count: int = 1
    product_id: str = ""
    # Its own, as they are applied: before those of the whole subscription.
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """What a subscription becomes when its period ends."""

    price_id: str
    quantity: int
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """One line of an invoice that does not exist yet; ``amount`` in minor units.

    ``kind`` is ``unused`` for what is given back, ``rest`` for the time to the end of
    the period, ``period`` for a whole one and ``other`` for what has to do with none.
    """

    description: str
    amount: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The invoice a change would make; amounts in minor units.

    ``balance`` is the customer's before it: below zero it is credit they have.
    """

    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    balance: int
    lines: tuple[PreviewLine, ...]
    # The second from which the change counts, where it does within a period.
    counts_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionCode:
    """A code a buyer may type."""

    id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as it stood when it was fetched."""

    id: str
    status: str
    customer_id: str
    currency: str
    collection_method: str
    items: tuple[SubscriptionItem, ...]
    started_at: datetime
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    trial_end: datetime | None
    latest_invoice_id: str
    card: Card | None
    # When its newest invoice of a change was made.
    changed_at: datetime | None = None
    # The schedule that manages it, and what that says comes next.
    schedule_id: str = ""
    scheduled: Scheduled | None = None
    # A change that waits until its invoice is paid.
    has_pending_update: bool = False
    # As they are applied, one after the other, to what its items' own have left.
    discounts: tuple[Discount, ...] = ()
    # The price and quantity its newest paid invoice was for.
    paid_for: tuple[str, int] | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line of an invoice."""

    id: str
    amount: int
    description: str
    quantity: int
    price_id: str
    is_proration: bool
    period_start: datetime | None
    period_end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePayment:
    """Money on its way to an invoice."""

    id: str
    amount: int
    status: str
    payment_intent_id: str
    paid_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice as it stood when it was fetched; amounts in minor units."""

    id: str
    customer_id: str
    subscription_id: str
    number: str
    status: str
    billing_reason: str
    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    amount_paid: int
    attempt_count: int
    issued_at: datetime
    due_at: datetime | None
    paid_at: datetime | None
    next_attempt_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    hosted_url: str
    pdf_url: str
    lines: tuple[InvoiceLine, ...]
    payments: tuple[InvoicePayment, ...]
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back."""

    id: str
    amount: int
    status: str
    reason: str
    created_at: datetime
    invoice_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A payment its bank takes back, until Stripe says who won."""

    id: str
    amount: int
    status: str
    reason: str
    created_at: datetime
    answer_by: datetime | None
    invoice_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """Part of an invoice taken back after it was issued.

    ``outside_amount`` was given back by other means than Stripe. What went back to
    the card is a refund of its own, in ``refund_ids``; what became credit is still
    here.
    """

    id: str
    outside_amount: int
    status: str
    reason: str
    created_at: datetime
    invoice_id: str
    refund_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A card that was charged, and how much of that went back."""

    id: str
    customer_id: str
    payment_intent_id: str
    amount: int
    is_paid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceItem:
    """An amount on an invoice or on its way to one; ``reference`` is our name of it."""

    id: str
    customer_id: str
    invoice_id: str
    amount: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price as Stripe has it."""

    id: str
    product_id: str
    lookup_key: str
    unit_amount: int | None
    currency: str
    interval: str
    is_active: bool
