from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation
from core.clock import now
from inference.catalog.models import NAME_LENGTH
from inference.retention.models import (
    ExpiringQuerySet,
    RetentionChoice,
    days_between,
)


class Storage(RetentionChoice):
    """An organisation's choice to have responses kept. No row: nothing is kept."""

    class Meta:
        constraints = [days_between("stored_storage_days")]


class StoredResponseQuerySet(ExpiringQuerySet["StoredResponse"]):
    """What ``/v1/responses`` kept."""


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
