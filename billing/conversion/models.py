from datetime import datetime, timedelta
from itertools import pairwise
from typing import Self

from django.db import models
from django.db.models import F, Q

ORDER = (
    "first_visit_at",
    "signed_up_at",
    "activated_at",
    "first_call_at",
    "checkout_at",
    "paid_at",
)


class DeveloperQuerySet(models.QuerySet["Developer"]):
    def counted(self) -> Self:
        """Developers every figure is about: no staff, no test people, no bots."""
        return self.filter(user__is_staff=False, user__is_internal=False)

    def in_n(self) -> Self:
        """Those N is counted from: active developers, whenever they became it."""
        return self.counted().filter(activated_at__isnull=False)

    def between(self, milestone: str, start: datetime, end: datetime) -> Self:
        """Developers who reached ``milestone`` in ``[start, end)``."""
        return self.filter(**{f"{milestone}__gte": start, f"{milestone}__lt": end})

    def reached_in_order(
        self, milestone: str, start: datetime, end: datetime, *, window: timedelta
    ) -> Self:
        """Developers whose first visit is in the range and who got to ``milestone``.

        Each step no earlier than the one before, all within ``window`` of the visit.
        """
        reached = self.between("first_visit_at", start, end)
        for before, step in pairwise(ORDER):
            if before == milestone:
                break
            reached = reached.filter(
                **{f"{step}__gte": F(before)},
                **{f"{step}__lte": F("first_visit_at") + window},
            )
        return reached


class Developer(models.Model):
    """How far one person has come; kept up by facts, rebuildable from the log.

    Each ``…_at`` is the first time. ``activated_at`` is the later of a verified
    address and the first activity. Revenue is net of refunds and tax, in minor
    units of the reporting currency; both sums are over the organisations that
    are put down to this person.
    """

    user = models.OneToOneField(
        "accounts.User", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    source = models.CharField(max_length=80, blank=True)
    first_visit_at = models.DateTimeField(null=True)
    signed_up_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    first_activity_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    first_call_at = models.DateTimeField(null=True)
    checkout_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    revenue = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)

    objects = DeveloperQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["activated_at"], name="conversion_dev_activated"),
            models.Index(fields=["signed_up_at"], name="conversion_dev_signed_up"),
            models.Index(fields=["first_visit_at"], name="conversion_dev_visit"),
            models.Index(
                fields=["paid_at"],
                condition=Q(paid_at__isnull=False),
                name="conversion_dev_paid",
            ),
        ]

    def __str__(self) -> str:
        return f"developer {self.pk}"


class Account(models.Model):
    """One organisation's money, put down to one developer, so that it counts once.

    That is who founded it, if they are among those the figures are about: active,
    and neither staff nor test. Else it is who started the checkout that paid first.
    An organisation neither of whom counts is outside N, with all its money.
    """

    organisation = models.OneToOneField(
        "accounts.Organisation",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
    )
    developer = models.ForeignKey(
        Developer, on_delete=models.CASCADE, related_name="accounts"
    )
    revenue = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    first_paid_at = models.DateTimeField(null=True)
    founder = models.ForeignKey(
        Developer, on_delete=models.SET_NULL, related_name="+", null=True
    )
    payer = models.ForeignKey(
        Developer, on_delete=models.SET_NULL, related_name="+", null=True
    )
    # When the payment came that made them the first to pay.
    payer_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"account of organisation {self.pk}"
