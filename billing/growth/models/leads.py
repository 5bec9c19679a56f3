from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from billing.plans.models import Inquiry
from core.clock import now


class LeadQuerySet(models.QuerySet["Lead"]):
    def open(self) -> Self:
        """Leads a person still has to do something about."""
        return self.filter(closed_at=None)

    def overdue(self) -> Self:
        """Open leads whose first answer is late."""
        return self.open().filter(answered_at=None, due_at__lt=now())


class Lead(models.Model):
    """A person a person of ours should speak with, and what came of it.

    What they wrote is the inquiry's; ``due_at`` is until when a first answer is
    promised. ``amount`` is what was won, in minor units of ``currency`` without tax.
    """

    class Origin(models.TextChoices):
        INQUIRY = "inquiry", _("Asked us")
        OFFICE_HOUR = "office_hour", _("Asked for an office hour")
        SCORE = "score", _("Shows need")

    class Outcome(models.TextChoices):
        WON = "won", pgettext_lazy("lead", "Won")
        LOST = "lost", pgettext_lazy("lead", "Lost")
        NO_FIT = "no_fit", _("Does not fit")

    origin = models.CharField(max_length=20, choices=Origin.choices)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+", null=True
    )
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True
    )
    inquiry = models.OneToOneField(
        Inquiry, on_delete=models.PROTECT, related_name="+", null=True
    )
    owner = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    opened_at = models.DateTimeField(default=now)
    due_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    next_step = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(
        max_length=10, choices=Outcome.choices, blank=True, db_default=""
    )
    amount = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    closed_at = models.DateTimeField(null=True)

    objects = LeadQuerySet.as_manager()

    class Meta:
        constraints = [
            # Who asks twice is one conversation for a score, two for two inquiries.
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(origin="score", closed_at=None),
                name="growth_lead_one_by_score",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, outcome="")
                | (Q(closed_at__isnull=False) & ~Q(outcome="")),
                name="growth_lead_closed_with_outcome",
            ),
            models.CheckConstraint(
                condition=Q(amount=None) | (Q(amount__gte=0) & Q(outcome="won")),
                name="growth_lead_amount",
            ),
            models.CheckConstraint(
                condition=~Q(origin="inquiry") | Q(inquiry__isnull=False),
                name="growth_lead_says_what",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(closed_at=None),
                name="growth_lead_open",
            )
        ]

    def __str__(self) -> str:
        return f"lead {self.pk}"

    @property
    def is_overdue(self) -> bool:
        return (
            self.closed_at is None and self.answered_at is None and self.due_at < now()
        )


class LeadNote(models.Model):
    """What was said or done about a lead; only ever added to."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="notes")
    by = models.ForeignKey(User, on_delete=models.SET_NULL, related_name="+", null=True)
    text = models.TextField()
    written_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.text[:40]


class LeadScore(models.Model):
    """One organisation's need on one day; a snapshot is never computed again.

    ``reasons`` are its three largest parts: the sign, how often, when last, its points.
    ``parts`` has the value of each sign before any weight, for who judges or learns.
    ``engagement`` says how much its people are at home here, whatever they need.
    """

    day = models.DateField()
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    score = models.FloatField()
    engagement = models.FloatField(default=0, db_default=0)
    reasons = models.JSONField(default=list)
    parts = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField())
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "organisation"], name="growth_leadscore_once"
            )
        ]
        indexes = [
            models.Index(fields=["organisation", "-day"], name="growth_leadscore_of")
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} on {self.day}: {self.score:.0f}"


STATES = {
    "open": pgettext_lazy("lead", "Open"),
    "mine": _("Mine"),
    "overdue": _("Answer overdue"),
    "closed": pgettext_lazy("lead", "Closed"),
}
