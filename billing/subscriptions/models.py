import uuid
from fractions import Fraction
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Membership, User
from billing.plans.models import PlanVersion, Price
from core.clock import now

# Statuses after which nothing more happens.
TERMINAL = ("canceled", "incomplete_expired")
# Months in one of Stripe's intervals; a year has 52 weeks.
MONTHS = {
    "day": Fraction(12, 365),
    "week": Fraction(12, 52),
    "month": Fraction(1),
    "year": Fraction(12),
}


class BillingAccount(models.Model):
    """Who an organisation is to Stripe: exactly one customer."""

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="+",
    )
    stripe_customer_id = models.CharField(
        max_length=80, unique=True, null=True, blank=True
    )
    card_brand = models.CharField(max_length=20, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    # The same card has the same one in every account: Stripe's, and no number.
    card_fingerprint = models.CharField(max_length=40, blank=True, db_default="")
    card_exp_month = models.PositiveSmallIntegerField(null=True, blank=True)
    card_exp_year = models.PositiveSmallIntegerField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.stripe_customer_id or f"organisation {self.pk}"


class FormerCustomer(models.Model):
    """A customer an organisation was before; its invoices are still theirs."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    replaced_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.stripe_id


class CheckoutIntentQuerySet(models.QuerySet["CheckoutIntent"]):
    def payable(self) -> Self:
        """Orders whose session can still be paid, as far as we know."""
        replaced = Q(state="superseded", closed_at=None, expires_at__gt=timezone.now())
        return self.filter(Q(state="open") | replaced)


class CheckoutIntent(models.Model):
    """A user's order of a subscription, from review to payment."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("checkout", "Open")
        COMPLETE = "complete", _("Complete")
        EXPIRED = "expired", _("Expired")
        SUPERSEDED = "superseded", _("Replaced")

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    seats = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    stripe_session_id = models.CharField(
        max_length=120, unique=True, null=True, blank=True
    )
    session_url = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    # Since when nobody can pay its session any more, once it was replaced.
    closed_at = models.DateTimeField(null=True, blank=True)
    # What was shown and is bought with it.
    trial_days = models.PositiveSmallIntegerField(default=0, db_default=0)

    objects = CheckoutIntentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(state="open"),
                name="subscriptions_checkoutintent_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} → {self.price}"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def live(self) -> Self:
        """Subscriptions that have not come to their end."""
        return self.exclude(status__in=TERMINAL)

    def with_plan(self) -> Self:
        """Subscriptions to one of our plans, not only to extras."""
        return self.filter(price__isnull=False)

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Subscriptions of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=[
                Membership.Role.OWNER,
                Membership.Role.BILLING,
            ],
        )


class Subscription(models.Model):
    """A mirror of one subscription; only a fetch from Stripe changes it."""

    class Status(models.TextChoices):
        TRIALING = "trialing", _("Trial")
        ACTIVE = "active", _("Active")
        PAST_DUE = "past_due", _("Payment overdue")
        UNPAID = "unpaid", _("Unpaid")
        INCOMPLETE = "incomplete", _("Waiting for payment")
        INCOMPLETE_EXPIRED = "incomplete_expired", _("Never paid")
        CANCELED = "canceled", _("Ended")
        PAUSED = "paused", _("Paused")

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    # Who started the checkout it comes from.
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    # The set of statuses is open: an unknown one is kept as it came and grants nothing.
    status = models.CharField(max_length=24, choices=Status.choices)
    price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    seats = models.PositiveIntegerField(default=1)
    # What was paid for last: the plan there is while another waits to be paid.
    paid_price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    paid_seats = models.PositiveIntegerField(default=0)
    # Stripe's own numbers, in minor units without tax: one period, and what comes
    # off every one to come. Unknown where usage decides.
    amount = models.BigIntegerField(null=True, blank=True)
    discount = models.BigIntegerField(default=0)
    interval = models.CharField(max_length=8, blank=True)
    interval_count = models.PositiveSmallIntegerField(default=1)
    currency = models.CharField(max_length=3)
    collection_method = models.CharField(max_length=24)
    started_at = models.DateTimeField()
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    first_failed_at = models.DateTimeField(null=True, blank=True)
    grace_until = models.DateTimeField(null=True, blank=True)
    # What it becomes when its period ends.
    next_price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    next_seats = models.PositiveIntegerField(default=0, db_default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    schedule_id = models.CharField(max_length=80, blank=True, default="", db_default="")
    # A change waits until its invoice is paid.
    has_pending_update = models.BooleanField(default=False, db_default=False)
    # Since when a disputed payment holds the plan back.
    frozen_at = models.DateTimeField(null=True, blank=True)
    # The plan it grants now; empty when it grants none. Facts follow its changes.
    granted_plan = models.CharField(max_length=40, blank=True)
    # A second live one for the same organisation: kept, reported, never hidden.
    is_duplicate = models.BooleanField(default=False)
    raw = models.JSONField(default=dict)
    fetched_at = models.DateTimeField()
    revision = models.PositiveBigIntegerField(default=1)
    # Stripe does not know it any more.
    missing_at = models.DateTimeField(null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(price__isnull=False, is_duplicate=False)
                & ~Q(status__in=TERMINAL),
                name="subscriptions_subscription_one_live",
            )
        ]
        indexes = [
            models.Index(
                fields=["grace_until"],
                condition=Q(grace_until__isnull=False),
                name="subscriptions_grace",
            )
        ]

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def is_live(self) -> bool:
        return self.status not in TERMINAL

    @property
    def plan_version(self) -> PlanVersion | None:
        return self.price.plan_version if self.price else None

    @property
    def entitled_price(self) -> Price | None:
        """The price whose plan is given: while a payment is overdue, the one paid."""
        is_overdue = self.status == self.Status.PAST_DUE
        return self.paid_price if is_overdue else self.price

    @property
    def entitled_seats(self) -> int:
        is_overdue = self.status == self.Status.PAST_DUE
        return self.paid_seats if is_overdue else self.seats

    @property
    def period_amount(self) -> int | None:
        """What the next period costs without tax; unknown where usage decides."""
        return None if self.amount is None else self.amount - self.discount

    @property
    def monthly_amount(self) -> int:
        """What comes in by the month, in minor units; what is unknown is nothing."""
        months = MONTHS.get(self.interval, Fraction(1)) * self.interval_count
        if self.entitled_price and self.entitled_price != self.price:
            # What is asked for was not paid; what comes in is what was.
            paid = self.entitled_price.amount_for(self.entitled_seats)
            return round(paid / MONTHS[self.entitled_price.interval])
        return round((self.period_amount or 0) / months)

    @property
    def ends_at(self) -> object:
        """When a cancelled subscription stops, if that is still to come."""
        if not self.is_live:
            return None
        return self.cancel_at or (
            self.period_end if self.cancel_at_period_end else None
        )


class SubscriptionItem(models.Model):
    """One price a subscription charges for."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="items"
    )
    stripe_id = models.CharField(max_length=80, unique=True)
    stripe_price_id = models.CharField(max_length=80)
    price = models.ForeignKey(
        Price, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    quantity = models.PositiveIntegerField(default=1)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.stripe_id


class PlanChange(models.Model):
    """A change of a subscription as it was shown, and what came of it.

    Amounts in minor units of ``currency``: what is charged when it is confirmed, or,
    for one that comes with the next period, what its first invoice will be.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting to be confirmed")
        OPEN = "open", _("Waiting for payment")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Not made")

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="+"
    )
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    seats = models.PositiveIntegerField()
    promotion_code = models.CharField(max_length=80, blank=True)
    promotion_code_id = models.CharField(max_length=80, blank=True)
    is_immediate = models.BooleanField()
    # From this second the change counts, where that matters; both times Stripe is
    # asked with the same one.
    counts_from = models.DateTimeField(null=True, blank=True)
    # What the subscription was when this was worked out.
    basis = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    discount = models.BigIntegerField()
    tax = models.BigIntegerField()
    total = models.BigIntegerField()
    amount_due = models.BigIntegerField()
    balance = models.BigIntegerField()
    lines = models.JSONField(default=list)
    renewal = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(
        max_length=12, choices=State.choices, default=State.PENDING
    )
    created_at = models.DateTimeField(default=now)
    # Since when one confirmation has it in hand, and when it was over.
    claimed_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    # What Stripe charged for it, by its invoice.
    charged = models.BigIntegerField(null=True, blank=True)
    invoice_stripe_id = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["subscription", "-id"], name="subscriptions_planchange_of"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} → {self.price} × {self.seats}"

    @property
    def credit_used(self) -> int:
        """What of the customer's credit pays for it."""
        return min(-self.balance, self.total) if self.balance < 0 < self.total else 0

    @property
    def credit_kept(self) -> int:
        """What is not paid out but taken off the next invoices."""
        return max(0, -self.total)


class Cancellation(models.Model):
    """Why a buyer let a plan end, what was offered, and whether they stayed."""

    class Reason(models.TextChoices):
        TOO_EXPENSIVE = "too_expensive", _("It costs too much")
        UNUSED = "unused", _("We do not use it enough")
        MISSING_FEATURES = "missing_features", _("Something we need is missing")
        SWITCHED = "switched_service", _("We use something else now")
        TOO_COMPLEX = "too_complex", _("It is too complicated")
        LOW_QUALITY = "low_quality", _("The quality is not what we expected")
        SUPPORT = "customer_service", _("We did not get the help we needed")
        OTHER = "other", _("Something else")

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="+"
    )
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    reason = models.CharField(max_length=20, choices=Reason.choices)
    comment = models.CharField(max_length=500, blank=True)
    offer = models.CharField(max_length=20, blank=True)
    asked_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True, blank=True)
    reactivated_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.reason}"


class TrialReminder(models.Model):
    """That the end of a trial was told of, ``days`` before it."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="+"
    )
    trial_end = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "trial_end", "days"],
                name="subscriptions_trialreminder_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.days} days before {self.trial_end}"


class GrantQuerySet(models.QuerySet["StaffGrant"]):
    def in_force(self) -> Self:
        """Grants that count today."""
        now = timezone.now()
        return self.filter(
            Q(ends_at=None) | Q(ends_at__gt=now), starts_at__lte=now, revoked_at=None
        )


class StaffGrant(models.Model):
    """A plan given by staff: as a present, by contract, or to make up for something."""

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    plan_version = models.ForeignKey(
        PlanVersion, on_delete=models.PROTECT, related_name="+"
    )
    seats = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=200)
    granted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    starts_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Set when its end has been put into effect.
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="subscriptions_staffgrant_ends",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.plan_version}"


class MrrMovement(models.Model):
    """One step of an organisation's monthly recurring revenue, in minor units."""

    class Kind(models.TextChoices):
        NEW = "new", _("New")
        REACTIVATION = "reactivation", _("Reactivation")
        EXPANSION = "expansion", _("Expansion")
        CONTRACTION = "contraction", _("Contraction")
        CHURN = "churn", _("Churn")

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    currency = models.CharField(max_length=3)
    before = models.BigIntegerField()
    after = models.BigIntegerField()
    # When it moved, and when we heard.
    occurred_at = models.DateTimeField()
    noted_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(before=F("after")),
                name="subscriptions_mrrmovement_moves",
            )
        ]
        indexes = [
            models.Index(
                fields=["organisation", "currency", "id"],
                name="subscriptions_mrr_chain",
            ),
            models.Index(
                fields=["currency", "occurred_at"], name="subscriptions_mrr_when"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.kind}: {self.before} → {self.after}"


class Reconciliation(models.Model):
    """One comparison of everything with Stripe, and what it found."""

    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)
    compared = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    fixed = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}: {self.found}"


class Case(models.Model):
    """Something about money that only a person can put right."""

    class Kind(models.TextChoices):
        DUPLICATE = "duplicate", _("Two live subscriptions")
        DISPUTE = "dispute", _("Disputed payment")
        DIFFERENCE = "difference", _("Differs from Stripe")
        REFERRAL = "referral", _("Referral to be looked at")
        REFUND = "refund", _("Refund that did not arrive")

    kind = models.CharField(max_length=12, choices=Kind.choices)
    object_id = models.CharField(max_length=120)
    field = models.CharField(max_length=80, blank=True)
    organisation = models.ForeignKey(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    ours = models.TextField(blank=True)
    theirs = models.TextField(blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True, blank=True)
    # Nobody where it put itself right.
    closed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id", "field"],
                condition=Q(closed_at=None),
                name="subscriptions_case_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["-opened_at", "-id"], name="subscriptions_case_opened")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} {self.field}"
