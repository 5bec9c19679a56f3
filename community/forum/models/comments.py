"""Short remarks under a post, one level deep."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from accounts.queries import usernames_among
from community.forum.models.places import Person, visibilities_of
from community.forum.models.posts import Post
from core.clock import now
from design import markdown


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, user: Person) -> Self:
        """Comments ``user`` may read, under posts they may read."""
        visible = self.filter(
            post__topic__category__visibility__in=visibilities_of(user)
        )
        if user.is_staff or getattr(user, "is_moderator", False):
            return visible
        return visible.filter(
            Q(hidden_at=None) | Q(author_id=user.pk),
            Q(post__hidden_at=None) | Q(post__author_id=user.pk),
            Q(post__topic__hidden_at=None) | Q(post__topic__author_id=user.pk),
        )


class Comment(models.Model):
    """A remark on a post: it asks back or adds, and moves no list."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="comments")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    source_md = models.TextField()
    html = models.TextField()
    plain = models.TextField()
    render_version = models.PositiveIntegerField()
    # Made by the form, so that a second click is the same comment; and the SHA-256 of
    # what was sent with it.
    client_token = models.CharField(max_length=64, blank=True)
    client_digest = models.CharField(max_length=64, blank=True)
    # Of a comment that was brought from elsewhere: its score there.
    brought_score = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    edited_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)
    hidden_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    hidden_reason = models.CharField(max_length=300, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["post", "number"], name="forum_comment_number"
            ),
            models.UniqueConstraint(
                fields=["author", "client_token"],
                condition=~Q(client_token=""),
                name="forum_comment_submitted_once",
            ),
            models.CheckConstraint(
                condition=Q(hidden_at__isnull=False) | Q(hidden_by=None),
                name="forum_comment_hidden",
            ),
        ]
        indexes = [
            models.Index(
                "author",
                F("created_at").desc(),
                F("id").desc(),
                name="forum_comment_author",
            )
        ]

    def __str__(self) -> str:
        return f"{self.post_id}.{self.number}"

    def get_absolute_url(self) -> str:
        return f"/forum/p/{self.post_id}/comments/#comment-{self.pk}"

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None

    @property
    def shown(self) -> markdown.Rendered | Self:
        """What to show: the stored HTML, or a new one when rules have changed since."""
        return self if self.render_version == markdown.VERSION else self.rendered()

    def rendered(self) -> markdown.Rendered:
        """Return what the source becomes by today's rules."""
        return markdown.render(
            self.source_md,
            # The post's key, not its number: that changes when topics are joined.
            id_prefix=f"comment-{self.post_id}-{self.number}",
            top_level=4,
            # Who is called by name in what was brought is another forum's user.
            people=usernames_among if self.brought_score is None else None,
        )
