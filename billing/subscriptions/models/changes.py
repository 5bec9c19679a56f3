"""What buyers do to a subscription, and what they are told of it."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing.plans.models import Price
from billing.subscriptions.models.subscriptions import Subscription
from core.clock import now


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
