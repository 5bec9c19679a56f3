from django.db import models
from django.db.models import Q

from accounts.models import User
from core.clock import now


class Draft(models.Model):
    """What one form holds that was not accepted yet.

    It belongs to a person, or to a visitor's session until they sign in. The text is
    encrypted: until its author sends it, it is private.
    """

    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    visitor = models.CharField(max_length=32, blank=True, default="")
    # Where the form stands, such as "forum.reply:12" or "/settings/profile/".
    place = models.CharField(max_length=200)
    # One per form as it was shown, so that two tabs never overwrite one another.
    nonce = models.CharField(max_length=32)
    body = models.TextField(blank=True)
    sequence = models.PositiveIntegerField(default=1)
    saved_at = models.DateTimeField(default=now)
    # Kept empty for a while, so that a saving that was under way does not undo it.
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(user=None) & ~Q(visitor=""))
                | (~Q(user=None) & Q(visitor="")),
                name="drafts_draft_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(body=""),
                name="drafts_draft_accepted_is_empty",
            ),
            models.UniqueConstraint(
                fields=["user", "nonce"],
                condition=~Q(user=None),
                name="drafts_draft_once",
            ),
            models.UniqueConstraint(
                fields=["visitor", "nonce"],
                condition=~Q(visitor=""),
                name="drafts_draft_once_by_visitor",
            ),
        ]
        indexes = [
            models.Index(
                fields=["user", "place", "-saved_at"],
                condition=Q(accepted_at=None) & ~Q(user=None),
                name="drafts_draft_of_person",
            ),
            models.Index(
                fields=["visitor", "place", "-saved_at"],
                condition=Q(accepted_at=None) & ~Q(visitor=""),
                name="drafts_draft_of_visitor",
            ),
            # A person's list of them.
            models.Index(
                fields=["user", "-saved_at", "-id"],
                condition=Q(accepted_at=None) & ~Q(user=None),
                name="drafts_draft_list",
            ),
            models.Index(fields=["saved_at"], name="drafts_draft_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.place} {self.nonce}"
