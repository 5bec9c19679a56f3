from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now


class Delivery(models.Model):
    """One webhook delivery of GitHub's, as it came."""

    guid = models.CharField(max_length=80, primary_key=True)
    event = models.CharField(max_length=60)
    action = models.CharField(max_length=60, blank=True)
    payload = models.JSONField()
    deliveries = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.event} {self.guid}"


class ContributionQuerySet(models.QuerySet["Contribution"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Confirmed work; staff also see what waits for its author."""
        if user.is_staff:
            return self
        return self.filter(status=Contribution.Status.CONFIRMED)


class Contribution(models.Model):
    """Work outside the forum that a person gets credit for."""

    class Kind(models.TextChoices):
        PULL_REQUEST = "pull_request", _("Pull request")

    class Status(models.TextChoices):
        PENDING = "pending", _("Waiting for its author")
        CONFIRMED = "confirmed", _("Confirmed")
        # It was reverted, or is a revert itself.
        VOID = "void", _("Void")

    kind = models.CharField(max_length=20, choices=Kind.choices)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.PENDING
    )
    # What it is, however often and in whatever delivery it is reported.
    dedupe_key = models.CharField(max_length=160, unique=True)
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # The author's number at the provider; names change, numbers do not.
    provider = models.CharField(max_length=40)
    external_id = models.CharField(max_length=40)
    external_login = models.CharField(max_length=120)
    # The key of the one it takes back: both may be heard of in either order.
    reverts = models.CharField(max_length=160, blank=True, db_default="")
    repository = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300)
    url = models.URLField(max_length=500)
    points = models.IntegerField(default=0)
    # How often its credit was taken back: reverts are reverted, too.
    times_reverted = models.PositiveIntegerField(default=0, db_default=0)
    happened_at = models.DateTimeField()
    credited_at = models.DateTimeField(null=True, blank=True)

    objects = ContributionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="confirmed") | Q(credited_at__isnull=False),
                name="contributions_contribution_credited",
            )
        ]
        indexes = [
            models.Index(fields=["-happened_at", "-id"], name="contributions_recent"),
            models.Index(
                fields=["provider", "external_id"],
                condition=Q(status="pending"),
                name="contributions_pending",
            ),
            models.Index(
                fields=["reverts"],
                condition=~Q(reverts=""),
                name="contributions_reverts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"
