"""How far people are trusted, and what moderators imposed on them."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now


class Level(models.IntegerChoices):
    """How far a person is trusted; each level may do what the one below it may."""

    # The numbers are those of Discourse, which people know.
    NEWCOMER = 0, _("Newcomer")
    BASIC = 1, _("Basic")
    MEMBER = 2, _("Member")
    REGULAR = 3, _("Regular")  # as above
    LEADER = 4, _("Leader")  # as above


class Trust(models.Model):
    """The level of a person; who has no row is new."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    level = models.PositiveSmallIntegerField(
        choices=Level.choices, default=Level.NEWCOMER, db_default=Level.NEWCOMER
    )
    # When they came to the level, and until when it is not taken from them again.
    since = models.DateTimeField(default=now)
    kept_until = models.DateTimeField(null=True, blank=True)
    # Staff chose the level: nothing that is measured changes it.
    is_locked = models.BooleanField(default=False, db_default=False)
    measured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(level__range=(0, 4)), name="standing_trust_level"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.level}"


class SanctionQuerySet(models.QuerySet["Sanction"]):
    def visible_to(self, user: User) -> Self:
        """A person's own; moderators and staff see everybody's."""
        if user.is_staff or user.is_moderator:
            return self
        return self.filter(user_id=user.pk)

    def in_force(self) -> Self:
        """What is neither lifted nor over."""
        return self.filter(Q(until=None) | Q(until__gt=now()), lifted_at=None)


class Sanction(models.Model):
    """What a moderator imposed on a person, why and until when; kept for ever."""

    class Kind(models.TextChoices):
        SILENCE = "silence", _("Silenced")
        SUSPENSION = "suspension", _("Suspended")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # The person reads it.
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=now)
    # Without an end it lasts until it is lifted.
    until = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = SanctionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""), name="standing_sanction_reason"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=F("created_at")),
                name="standing_sanction_until",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["silence", "suspension"]),
                name="standing_sanction_kind",
            ),
            # Another one of the same kind takes its place.
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=Q(lifted_at=None),
                name="standing_sanction_one_open",
            ),
        ]
        indexes = [
            models.Index(
                "user",
                F("created_at").desc(),
                F("id").desc(),
                name="standing_sanction_list",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"

    @property
    def is_in_force(self) -> bool:
        return self.lifted_at is None and (self.until is None or self.until > now())
