from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from core.clock import now
from inference.catalog.models import NAME_LENGTH

# As long as OpenAI keeps them, and the default there.
MOST_DAYS = 30


class Storage(models.Model):
    """An organisation's choice to have responses kept. No row: nothing is kept."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    days = models.PositiveSmallIntegerField()
    chosen_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    chosen_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(days__gte=1, days__lte=MOST_DAYS),
                name="stored_storage_days",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.days} days"


class StoredResponseQuerySet(models.QuerySet["StoredResponse"]):
    def kept_for(self, organisation_id: int) -> Self:
        """Return what an organisation's keys may still read."""
        return self.filter(
            organisation_id=organisation_id, expires_at__gt=timezone.now()
        )


class StoredResponse(models.Model):
    """One answer and what it answers, encrypted. ``size`` is in bytes of both.

    ``previous_id`` names the response before it; that one may be gone already.
    """

    class Status(models.TextChoices):
        IN_PROGRESS = "in_progress", _("In progress")
        COMPLETED = "completed", _("Completed")
        INCOMPLETE = "incomplete", _("Incomplete")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.CharField(primary_key=True, max_length=48)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="+"
    )
    previous_id = models.CharField(max_length=48, blank=True)
    model = models.CharField(max_length=NAME_LENGTH)
    status = models.CharField(max_length=12, choices=Status.choices)
    is_background = models.BooleanField(default=False)
    sealed_input = models.TextField()
    sealed_response = models.TextField()
    size = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()

    objects = StoredResponseQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="stored_response_expiry"),
        ]

    def __str__(self) -> str:
        return self.id
