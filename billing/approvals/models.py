from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from core.clock import now


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def waiting(self) -> Self:
        """Requests that are still to be decided."""
        return self.filter(state=Approval.State.WAITING, expires_at__gt=now())


class Approval(models.Model):
    """Something large that one of staff asks for and another one decides.

    ``subject`` names what it is about within its kind, such as the key of a grant of
    credit. ``amount`` is in minor units of ``currency``, ``details`` what is done once
    it is approved, as its kind reads it.
    """

    class Kind(models.TextChoices):
        CREDIT = "credit", pgettext_lazy("approval", "Credit")
        REFUND = "refund", _("Refund")
        DISCOUNT = "discount", _("Discount")
        WRITE_OFF = "write_off", _("Write-off")

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("approval", "Waiting")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", pgettext_lazy("approval", "Withdrawn")
        EXPIRED = "expired", _("Expired")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.CharField(max_length=128)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    details = models.JSONField(default=dict)
    reason = models.CharField(max_length=200)
    asked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True
    )
    asked_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default="waiting")
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=200, blank=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(state__in=["waiting", "approved"]),
                name="approvals_approval_one_for_each",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")),
                name="approvals_approval_two_people",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None)
                | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="approvals_approval_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "rejected"])
                | Q(decided_by__isnull=False),
                name="approvals_approval_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="approvals_approval_amount"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="approvals_approval_state"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING and self.expires_at > now()
