"""Orders, from review to payment."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from billing.plans.models import Price
from core.clock import now


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
