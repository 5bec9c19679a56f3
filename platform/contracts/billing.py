"""What happened to plans, subscriptions and money."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutStarted:
    """A user was sent to the hosted checkout."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    user_id: int
    plan: str
    intent_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStarted:
    """A subscription began to grant a plan."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    subscription_id: int
    plan: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEnded:
    """A subscription stopped granting its plan."""

    organisation_id: int
    subscription_id: int
    plan: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChanged:
    """A plan that is in force became another: plan, seats, billing period or price.

    ``amount_…`` is one period in minor units without tax, None where usage decides;
    ``interval_…`` is ``month`` or ``year``. ``user_id`` asked for it in the product,
    ``occurred_at`` is when it came into force.
    """

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    subscription_id: int
    plan_before: str
    plan_after: str
    seats_before: int
    seats_after: int
    interval_before: str
    interval_after: str
    amount_before: int | None
    amount_after: int | None
    currency: str
    user_id: int | None = None
    occurred_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid:
    """An invoice was paid; ``amount`` in minor units, tax excluded.

    ``user_id`` is the developer who started the checkout, ``occurred_at`` when the
    money came, however late we heard of it. ``is_first`` is what was known then.
    """

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    invoice_id: int
    amount: int
    currency: str
    is_first: bool
    user_id: int | None = None
    occurred_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed:
    """A payment was declined; the plan stays for the grace period."""

    organisation_id: int
    invoice_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefunded:
    """Money went back to the customer; ``amount`` in minor units, tax excluded.

    It was given back, or a bank took it back for good.
    """

    organisation_id: int
    invoice_id: int
    amount: int
    currency: str
    occurred_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRestored:
    """Money that had gone back is here again; ``amount`` in minor units, no tax."""

    organisation_id: int
    invoice_id: int
    amount: int
    currency: str
    occurred_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryReceived:
    """A person asked about a plan that is sold in person; ``user_id`` had signed in."""

    actor: ClassVar[str] = "user_id"
    inquiry_id: int
    plan: str = ""
    seats: int | None = None
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditGranted:
    """An organisation was given credit; ``amount_nano`` in billionths of ``currency``.

    ``kind`` is ``bought``, ``promotion``, ``contribution``, ``referral`` or
    ``support``; ``user_id`` gave it by hand.
    """

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    grant_id: int
    kind: str
    amount_nano: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditWithdrawn:
    """Credit was taken back, all of a grant or a part; what was used stays used."""

    actor: ClassVar[str] = "user_id"
    organisation_id: int
    grant_id: int
    entry_id: int
    kind: str
    amount_nano: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditExpired:
    """Credit ended by time, and so much of it had not been used."""

    organisation_id: int
    grant_id: int
    kind: str
    amount_nano: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    """One of staff asked for something large; ``amount`` in minor units.

    ``kind`` is ``credit``, ``refund`` or ``discount``.
    """

    actor: ClassVar[str] = "user_id"
    approval_id: int
    organisation_id: int
    kind: str
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGranted:
    """A second person of staff approved it, and it was done."""

    actor: ClassVar[str] = "user_id"
    approval_id: int
    organisation_id: int
    kind: str
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRejected:
    """A second person of staff said no."""

    actor: ClassVar[str] = "user_id"
    approval_id: int
    organisation_id: int
    kind: str
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalWithdrawn:
    """Who asked took it back, or what it was about has changed."""

    actor: ClassVar[str] = "user_id"
    approval_id: int
    organisation_id: int
    kind: str
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalExpired:
    """Nobody decided it in time."""

    approval_id: int
    organisation_id: int
    kind: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRequested:
    """An organisation asked for a quote."""

    actor: ClassVar[str] = "user_id"
    quote_id: int
    organisation_id: int
    plan: str
    seats: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSent:
    """A quote was sent; ``amount`` is its whole term in minor units, without tax.

    ``user_id`` is who sent it.
    """

    actor: ClassVar[str] = "user_id"
    quote_id: int
    organisation_id: int
    plan: str
    seats: int
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteWithdrawn:
    """A quote that was asked for or sent counts no more; ``user_id`` took it back."""

    actor: ClassVar[str] = "user_id"
    quote_id: int
    organisation_id: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteAccepted:
    """A buyer signed a quote, and its contract begins; amounts as in ``QuoteSent``."""

    actor: ClassVar[str] = "user_id"
    quote_id: int
    contract_id: int
    organisation_id: int
    plan: str
    seats: int
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteDeclined:
    """A buyer said no to a quote."""

    actor: ClassVar[str] = "user_id"
    quote_id: int
    organisation_id: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteExpired:
    """A quote was not accepted in time."""

    quote_id: int
    organisation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRenewed:
    """A contract goes on for another term, until ``ends_at``."""

    contract_id: int
    organisation_id: int
    ends_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractEnded:
    """A contract is over: its term, or the subscription it stands for, has ended."""

    contract_id: int
    organisation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeWrittenOff:
    """Nobody asks for what of a statement of usage was on no invoice.

    ``amount`` in minor units of ``currency``.
    """

    actor: ClassVar[str] = "user_id"
    statement_id: int
    organisation_id: int
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeReinstated:
    """What was written off is asked for again; ``amount`` in minor units."""

    actor: ClassVar[str] = "user_id"
    statement_id: int
    organisation_id: int
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListBegun:
    """An organisation pays less for models than everybody, from a moment on.

    ``discount_bps`` is on every model without one of its own, in hundredths of a
    percent; ``begins_at`` and ``ends_at`` are ISO 8601, the second empty without one.
    """

    actor: ClassVar[str] = "user_id"
    list_id: int
    organisation_id: int
    discount_bps: int
    begins_at: str
    ends_at: str = ""
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListEnded:
    """A price list was ended: everybody's prices apply from then on."""

    actor: ClassVar[str] = "user_id"
    list_id: int
    organisation_id: int
    ends_at: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalStopped:
    """A contract will end with its term."""

    actor: ClassVar[str] = "user_id"
    contract_id: int
    organisation_id: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalResumed:
    """A contract that was to end will renew after all."""

    actor: ClassVar[str] = "user_id"
    contract_id: int
    organisation_id: int
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrdered:
    """One of staff ordered money back; that it went back is ``PaymentRefunded``."""

    actor: ClassVar[str] = "user_id"
    order_id: int
    organisation_id: int
    invoice_id: int
    amount: int
    currency: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRefused:
    """An order came to nothing: a second person or the provider said no."""

    order_id: int
    organisation_id: int
    invoice_id: int
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkReached:
    """So many paying organisations met a person's topic or answer before they paid.

    ``kind`` is ``topic`` or ``answer``, ``object_id`` the topic or the post. It is told
    again when the number changes, and as 0, without an author, when they are too few
    to be told apart no more.
    """

    kind: str
    object_id: int
    organisations: int
    author_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonForgotten:
    """How a person came here and what they looked at has been erased."""

    user_id: int
