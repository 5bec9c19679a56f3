from typing import Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.clock import now
from entitlements.features import Features
from entitlements.usage_price import MOST_PERCENT, UsagePrice


class PlanQuerySet(models.QuerySet["Plan"]):
    def public(self) -> Self:
        """Plans the pricing page shows, smallest first."""
        return self.filter(is_public=True).order_by("tier_rank")


class Plan(models.Model):
    """What can be subscribed to, across all its versions."""

    class Edition(models.TextChoices):
        OPEN = "open", _("Open")
        PREMIUM = "premium", _("Premium")

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=60)
    summary = models.CharField(_("summary"), max_length=160, blank=True)
    edition = models.CharField(max_length=10, choices=Edition.choices)
    # A higher rank wins when an organisation holds several plans.
    tier_rank = models.PositiveSmallIntegerField(unique=True)
    is_public = models.BooleanField(default=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        ordering = ["tier_rank"]

    def __str__(self) -> str:
        return self.key


class PlanVersionQuerySet(models.QuerySet["PlanVersion"]):
    def on_offer(self) -> Self:
        """Versions that can be bought or granted today."""
        return self.filter(published_at__isnull=False, retired_at=None)


class PlanVersion(models.Model):
    """The terms of a plan; once published they never change.

    A buyer keeps the version until they choose another.
    """

    class Collection(models.TextChoices):
        FREE = "free", _("Nothing to pay")
        AUTOMATIC = "charge_automatically", _("Charged automatically")
        INVOICE = "send_invoice", _("Paid by invoice")

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveSmallIntegerField()
    features = models.JSONField()
    collection = models.CharField(max_length=24, choices=Collection.choices)
    trial_days = models.PositiveSmallIntegerField(default=0)
    # Whether a card is asked for at the beginning of a trial or at its end.
    trial_needs_card = models.BooleanField(default=True, db_default=True)
    seat_min = models.PositiveIntegerField(default=1)
    seat_max = models.PositiveIntegerField(default=1)
    # What usage beyond the allowance costs, in per cent of the model's price, within
    # the cap its customer sets; at 0 it is refused.
    overage_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Instead of one per cent: tiers or packages, as ``UsagePrice`` stores them.
    overage_tiers = models.JSONField(null=True, blank=True)
    stripe_product_id = models.CharField(max_length=80, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = PlanVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "version"], name="plans_planversion_number"
            ),
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(published_at__isnull=False, retired_at=None),
                name="plans_planversion_one_on_offer",
            ),
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(published_at=None),
                name="plans_planversion_one_draft",
            ),
            models.CheckConstraint(
                condition=Q(seat_min__gte=1, seat_max__gte=models.F("seat_min")),
                name="plans_planversion_seats",
            ),
            models.CheckConstraint(
                condition=Q(overage_percent__lte=MOST_PERCENT),
                name="plans_planversion_overage",
            ),
            models.CheckConstraint(
                condition=Q(overage_percent=0) | Q(overage_tiers__isnull=True),
                name="plans_planversion_one_usage_price",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="terms_are_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.published_at IS NOT NULL AND (OLD.plan_id, OLD.version,"
                    " OLD.features, OLD.collection, OLD.trial_days,"
                    " OLD.trial_needs_card, OLD.seat_min, OLD.seat_max,"
                    " OLD.overage_percent, OLD.overage_tiers, OLD.published_at)"
                    " IS DISTINCT FROM (NEW.plan_id, NEW.version,"
                    " NEW.features, NEW.collection, NEW.trial_days,"
                    " NEW.trial_needs_card, NEW.seat_min, NEW.seat_max,"
                    " NEW.overage_percent, NEW.overage_tiers, NEW.published_at)"
                ),
            ),
            pgtrigger.Protect(
                name="published_stays",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan.key} v{self.version}"

    @property
    def is_per_seat(self) -> bool:
        return self.seat_max > 1

    @property
    def usage_price(self) -> UsagePrice:
        """What usage beyond the allowance costs."""
        return UsagePrice.from_stored(self.overage_percent, self.overage_tiers)

    @property
    def is_bought_online(self) -> bool:
        return self.collection == self.Collection.AUTOMATIC

    def features_for(self, seats: int = 1) -> Features:
        """Return what ``seats`` of this version grant; the allowance is per seat."""
        stored = dict(self.features)
        if self.is_per_seat:
            stored["seats"] = seats
            stored["monthly_allowance_nano"] *= seats
        return Features.from_dict(stored)

    def fitting_seats(self, seats: int) -> int:
        """Return ``seats`` moved into what the version allows."""
        return min(max(seats, self.seat_min), self.seat_max)


class Price(models.Model):
    """One way to pay for a plan version; immutable like its version."""

    class Interval(models.TextChoices):
        MONTH = "month", _("Monthly")
        YEAR = "year", _("Yearly")

    class Kind(models.TextChoices):
        BASE = "base", _("Flat")
        SEAT = "seat", _("Per seat")

    plan_version = models.ForeignKey(
        PlanVersion, on_delete=models.PROTECT, related_name="prices"
    )
    interval = models.CharField(max_length=5, choices=Interval.choices)
    kind = models.CharField(max_length=4, choices=Kind.choices)
    currency = models.CharField(max_length=3, default="usd")
    unit_amount = models.PositiveBigIntegerField()
    lookup_key = models.CharField(max_length=120, unique=True)
    stripe_price_id = models.CharField(
        max_length=80, unique=True, null=True, blank=True
    )
    synced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan_version", "interval", "currency"],
                name="plans_price_one_per_interval",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="amount_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "plan_version",
                    "interval",
                    "kind",
                    "currency",
                    "unit_amount",
                    "lookup_key",
                ),
            )
        ]

    def __str__(self) -> str:
        return self.lookup_key

    def amount_for(self, seats: int) -> int:
        """Return what one period costs, in minor units."""
        return self.unit_amount * self.quantity_for(seats)

    def quantity_for(self, seats: int) -> int:
        return seats if self.kind == self.Kind.SEAT else 1

    @property
    def monthly_amount(self) -> int:
        """The price of one month and seat; a year's is divided by twelve."""
        months = 12 if self.interval == self.Interval.YEAR else 1
        return round(self.unit_amount / months)


class Inquiry(models.Model):
    """A question about a plan that is sold in person, as it was written."""

    # Of everything in it: sent twice, it is one.
    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, related_name="+", null=True
    )
    plan = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=120)
    email = models.EmailField()
    company = models.CharField(max_length=120, blank=True)
    seats = models.PositiveIntegerField(null=True)
    message = models.TextField()
    sent_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "inquiries"

    def __str__(self) -> str:
        return f"{self.company or self.name}"
