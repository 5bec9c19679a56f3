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
