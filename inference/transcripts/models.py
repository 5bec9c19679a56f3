from typing import Self

from django.db import models
from django.utils import timezone

from accounts.models import Organisation, User
from core.clock import now

# A month is long enough to find out what went wrong, and no archive.
MOST_DAYS = 30


class TranscriptChoice(models.Model):
    """An organisation's choice to have what is said kept. No row: nothing is kept."""

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
                name="transcripts_choice_days",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.days} days"


class TranscriptQuerySet(models.QuerySet["Transcript"]):
    def kept_for(self, organisation_id: int) -> Self:
        """Return what an organisation may still read."""
        return self.filter(
            organisation_id=organisation_id, expires_at__gt=timezone.now()
        )


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
