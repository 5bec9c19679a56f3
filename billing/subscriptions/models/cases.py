"""Comparisons with Stripe, and what only a person can put right."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now


class Reconciliation(models.Model):
    """One comparison of everything with Stripe, and what it found."""

    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)
    compared = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    fixed = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}: {self.found}"


class Case(models.Model):
    """Something about money that only a person can put right."""

    class Kind(models.TextChoices):
        DUPLICATE = "duplicate", _("Two live subscriptions")
        DISPUTE = "dispute", _("Disputed payment")
        DIFFERENCE = "difference", _("Differs from Stripe")
        REFERRAL = "referral", _("Referral to be looked at")
        REFUND = "refund", _("Refund that did not arrive")

    kind = models.CharField(max_length=12, choices=Kind.choices)
    object_id = models.CharField(max_length=120)
    field = models.CharField(max_length=80, blank=True)
    organisation = models.ForeignKey(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
    )
    ours = models.TextField(blank=True)
    theirs = models.TextField(blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True, blank=True)
    # Nobody where it put itself right.
    closed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id", "field"],
                condition=Q(closed_at=None),
                name="subscriptions_case_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["-opened_at", "-id"], name="subscriptions_case_opened")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} {self.field}"
