from django.db import models

from accounts.models import Organisation
from core.clock import now
from inference.retention.models import (
    ExpiringQuerySet,
    RetentionChoice,
    days_between,
)


class TranscriptChoice(RetentionChoice):
    """An organisation's choice to have what is said kept. No row: nothing is kept."""

    class Meta:
        constraints = [days_between("transcripts_choice_days")]


class TranscriptQuerySet(ExpiringQuerySet["Transcript"]):
    """What calls said."""


class Transcript(models.Model):
    """What one call sent and what it was sent back, encrypted.

    Of what was longer than the gateway keeps, the beginning is here, marked as cut.
    """

    request_id = models.CharField(primary_key=True, max_length=64)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="+"
    )
    sealed_request = models.TextField()
    sealed_answer = models.TextField()
    is_request_cut = models.BooleanField()
    is_answer_cut = models.BooleanField()
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()

    objects = TranscriptQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="transcript_expiry"),
        ]

    def __str__(self) -> str:
        return self.request_id
