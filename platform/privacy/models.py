"""Copies of a person's data, and accounts that were closed."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from core.clock import now

# Long enough to come back from a journey with the message; a file with everything of a
# person is not to lie about for longer.
EXPORT_LIFETIME = timedelta(days=7)


class DataExportQuerySet(models.QuerySet["DataExport"]):
    def visible_to(self, user: User) -> Self:
        """A person's own that are not over; not even staff see another's."""
        return self.filter(
            user_id=user.pk, asked_at__gt=timezone.now() - EXPORT_LIFETIME
        )

    def ready(self) -> Self:
        """Those that may be downloaded."""
        return self.filter(ready_at__isnull=False)


class DataExport(models.Model):
    """A copy of everything that is kept of a person, for that person alone."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(default=now)
    ready_at = models.DateTimeField(null=True, blank=True)
    # Bytes of the whole file.
    size = models.PositiveBigIntegerField(default=0)

    objects = DataExportQuerySet.as_manager()

    class Meta:
        constraints = [
            # Of two requests at once one finds the other's.
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(ready_at=None),
                name="privacy_dataexport_one_waiting",
            )
        ]
        indexes = [
            models.Index(fields=["user", "-asked_at"], name="privacy_export_user"),
            # Pruned by age.
            models.Index(fields=["asked_at"], name="privacy_export_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.asked_at:%Y-%m-%d}"

    @property
    def expires_at(self) -> datetime:
        """When it can no longer be downloaded; the next night it is deleted."""
        return self.asked_at + EXPORT_LIFETIME


class DataExportPart(models.Model):
    """A piece of the file, so that none is held in memory whole."""

    export = models.ForeignKey(
        DataExport, on_delete=models.CASCADE, related_name="parts"
    )
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["export", "number"], name="privacy_dataexportpart_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.export_id}/{self.number}"


class Closing(models.Model):
    """An account that its person closed: taken back, or erased in the end.

    Until when it can be taken back stands with the person: ``User.closes_at``.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    closed_at = models.DateTimeField(default=now)
    reopened_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(reopened_at=None, erased_at=None),
                name="privacy_closing_one_open",
            ),
            models.CheckConstraint(
                condition=Q(reopened_at=None) | Q(erased_at=None),
                name="privacy_closing_one_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.closed_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        return self.reopened_at is None and self.erased_at is None
