"""Posts people want to find again, and when they want to be reminded."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from community.forum.models.posts import Post
from core.clock import now


class BookmarkQuerySet(models.QuerySet["Bookmark"]):
    def visible_to(self, user: User) -> Self:
        """A person's own bookmarks, of posts they may still read."""
        return self.filter(user_id=user.pk, post__in=Post.objects.visible_to(user))


class Bookmark(models.Model):
    """A post that a person keeps; nobody else sees it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="bookmarks")
    note = models.CharField(max_length=200, blank=True)
    # A moment in UTC; it was chosen by the person's own clock.
    remind_at = models.DateTimeField(null=True, blank=True)
    # When the reminder was delivered. A new time makes it empty again.
    reminded_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = BookmarkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "post"], name="forum_bookmark_once"
            ),
            models.CheckConstraint(
                condition=Q(reminded_at=None) | Q(remind_at__isnull=False),
                name="forum_bookmark_reminded",
            ),
        ]
        indexes = [
            models.Index(
                "user",
                F("created_at").desc(),
                F("id").desc(),
                name="forum_bookmark_list",
            ),
            # The minute's look reads what is due and nothing else.
            models.Index(
                fields=["remind_at", "id"],
                condition=Q(remind_at__isnull=False, reminded_at=None),
                name="forum_bookmark_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} keeps {self.post_id}"

    @property
    def is_waiting(self) -> bool:
        """Tell whether a reminder is still to come."""
        return self.remind_at is not None and self.reminded_at is None
