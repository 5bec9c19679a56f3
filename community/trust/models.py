"""How levels changed, badges that were given, and votes that were taken back."""

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from community.forum.models import Post
from community.moderation.models import Case
from core.clock import now


class LevelChange(models.Model):
    """One step of a person, up or down, with the figures it was taken by."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    before = models.PositiveSmallIntegerField()
    after = models.PositiveSmallIntegerField()
    figures = models.JSONField()
    changed_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(before=F("after")), name="trust_levelchange_step"
            )
        ]
        indexes = [
            models.Index(
                "user",
                F("changed_at").desc(),
                F("id").desc(),
                name="trust_levelchange_list",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.before} → {self.after}"


class BadgeAward(models.Model):
    """A badge of a person: given once; what was revoked is not given again."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    badge = models.CharField(max_length=30)
    given_at = models.DateTimeField(default=now)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "badge"], name="trust_badgeaward_once"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, reason="") | Q(revoked_at__isnull=False),
                name="trust_badgeaward_revoked",
            ),
        ]
        indexes = [
            models.Index(
                "badge",
                F("given_at").desc(),
                F("id").desc(),
                condition=Q(revoked_at=None),
                name="trust_badgeaward_list",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} has {self.badge}"


class VoidedVote(models.Model):
    """A vote of a ring that was taken back; it can be cast again."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="+")
    value = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "user", "post"], name="trust_voidedvote_once"
            ),
            models.CheckConstraint(
                condition=Q(value__in=[-1, 1]), name="trust_voidedvote_value"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.value:+d} {self.post_id}"


class RingMember(models.Model):
    """A member of a vote ring that was found."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "user"], name="trust_ringmember_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.case_id}"
