import pgtrigger
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from core.clock import now

REASONS: dict[str, Promise] = {
    "answer_accepted": gettext_lazy("An answer was accepted"),
    "answer_upvoted": gettext_lazy("An answer was voted up"),
    "question_upvoted": gettext_lazy("A topic was voted up"),
    "post_downvoted": gettext_lazy("A post was voted down"),
    "contribution_merged": gettext_lazy("A contribution was merged"),
}


class Entry(models.Model):
    """Points given or taken, once, for one reason; never changed."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    delta = models.IntegerField()
    reason = models.CharField(max_length=40)
    source_kind = models.CharField(max_length=40)
    source_id = models.BigIntegerField()
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    idem_key = models.CharField(max_length=160, unique=True)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "entries"
        indexes = [
            models.Index(
                fields=["user", "-created_at", "-id"], name="reputation_entry_user"
            ),
            models.Index(fields=["created_at"], name="reputation_entry_created"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="append_only",
                operation=pgtrigger.Update,
                # An actor who erases their account leaves the points behind.
                condition=pgtrigger.AnyChange(exclude=["actor"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.delta:+d} {self.reason}"

    @property
    def reason_label(self) -> str:
        """What the points are for, in the reader's words."""
        label = REASONS.get(self.reason, self.reason)
        if self.reverses_id:
            return _("Taken back: %(reason)s") % {"reason": label}
        return str(label)


class Balance(models.Model):
    """A user's points: the sum of their entries."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    points = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["-points"], name="reputation_balance_points")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.points}"


class Reach(models.Model):
    """How many paying organisations met a person's topic or answer before they paid.

    Billing counts them and tells nobody of fewer than three; see ``WorkReached``.
    """

    class Kind(models.TextChoices):
        TOPIC = "topic", gettext_lazy("Topic")
        ANSWER = "answer", gettext_lazy("Answer")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    # The topic, or the post that is the answer.
    object_id = models.BigIntegerField()
    organisations = models.PositiveIntegerField()
    counted_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "reaches"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id"], name="reputation_reach_once"
            ),
            models.CheckConstraint(
                condition=models.Q(organisations__gte=3),
                name="reputation_reach_not_told_apart",
            ),
        ]
        indexes = [
            models.Index(
                fields=["user", "-organisations", "-id"], name="reputation_reach_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.organisations}"
