"""Plans that staff gives."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from billing.plans.models import PlanVersion
from core.clock import now


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

    @property
    def is_in_force(self) -> bool:
        """Whether it counts now, as ``GrantQuerySet.in_force`` has it."""
        now = timezone.now()
        is_over = self.ends_at is not None and self.ends_at <= now
        return self.revoked_at is None and self.starts_at <= now and not is_over

    @property
    def over_at(self) -> datetime | None:
        """When it ends or ended; none as long as nobody takes it back."""
        return self.revoked_at or self.ends_at
