"""The mirror of what Stripe charges for."""

from fractions import Fraction
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, User
from billing.plans.models import PlanVersion, Price

# Statuses after which nothing more happens.
TERMINAL = ("canceled", "incomplete_expired")
# Months in one of Stripe's intervals; a year has 52 weeks.
MONTHS = {
    "day": Fraction(12, 365),
    "week": Fraction(12, 52),
    "month": Fraction(1),
    "year": Fraction(12),
}


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
