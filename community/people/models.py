"""Where one person stands to another."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now


class StanceQuerySet(models.QuerySet["Stance"]):
    def visible_to(self, user: User) -> Self:
        """A person's own, of people who are still here; nobody else sees them."""
        return self.filter(user_id=user.pk, person__is_active=True)

    def silencing(self) -> Self:
        """Those after which nothing of the other is told any more."""
        return self.filter(kind__in=[Stance.Kind.MUTE, Stance.Kind.BLOCK])


class Stance(models.Model):
    """What ``user`` wishes of ``person``: one of three things, or nothing.

    One row holds it, so nobody follows whom they mute.
    """

    class Kind(models.TextChoices):
        # Told when they open a topic.
        FOLLOW = "follow", _("Follow")
        # Told of nothing they do.
        MUTE = "mute", _("Mute")
        # Nor can they write messages.
        BLOCK = "block", _("Block")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    created_at = models.DateTimeField(default=now)

    objects = StanceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "person"], name="people_stance_once"
            ),
            models.CheckConstraint(
                condition=~Q(user=F("person")), name="people_stance_of_another"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["follow", "mute", "block"]),
                name="people_stance_kind",
            ),
        ]
        indexes = [
            # Who is to be told of a person, or not: asked for each message.
            models.Index(
                fields=["person", "kind", "user"], name="people_stance_person"
            ),
            models.Index(
                "user",
                F("created_at").desc(),
                F("id").desc(),
                name="people_stance_list",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.person_id}"
