from typing import Self, TypeVar

from django.db import models
from django.utils import timezone

from accounts.models import Organisation, User
from core.clock import now

# As long as OpenAI keeps responses, and the default there; long enough to find out
# what went wrong with a call, and no archive.
MOST_DAYS = 30
Kept = TypeVar("Kept", bound=models.Model, covariant=True)


def days_between(name: str) -> models.CheckConstraint:
    """Return what holds the days of a choice between one and ``MOST_DAYS``."""
    return models.CheckConstraint(
        condition=models.Q(days__gte=1, days__lte=MOST_DAYS), name=name
    )


class RetentionChoice(models.Model):
    """An organisation's choice to have something kept. No row: nothing is kept."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    days = models.PositiveSmallIntegerField()
    chosen_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    chosen_at = models.DateTimeField(default=now)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.days} days"


class ExpiringQuerySet(models.QuerySet[Kept]):
    """Rows of an ``organisation`` that are good until they ``expires_at``."""

    def kept_for(self, organisation_id: int) -> Self:
        """Return what an organisation may still read."""
        return self.filter(
            organisation_id=organisation_id, expires_at__gt=timezone.now()
        )

    def prune(self, *, batch: int) -> int:
        """Delete what was kept long enough, so many rows in one statement.

        Returns how many that were.
        """
        total = 0
        while True:
            old = self.filter(expires_at__lte=timezone.now())
            names = list(old.values_list("pk", flat=True)[:batch])
            if not names:
                return total
            total += self.filter(pk__in=names).delete()[0]
