"""Posts, what they said before, and the votes on them."""

from hashlib import sha256
from typing import Self

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from accounts.queries import usernames_among
from community.forum.models.places import Person, visibilities_of
from community.forum.models.topics import Topic
from core.clock import now
from design import markdown


class PostQuerySet(models.QuerySet["Post"]):
    def visible_to(self, user: Person) -> Self:
        """Posts ``user`` may read, in topics they may read."""
        visible = self.filter(topic__category__visibility__in=visibilities_of(user))
        if user.is_staff or getattr(user, "is_moderator", False):
            return visible
        return visible.filter(
            Q(hidden_at=None) | Q(author_id=user.pk),
            Q(topic__hidden_at=None) | Q(topic__author_id=user.pk),
        )


class Post(models.Model):
    """One text of a topic; on a question, every one after the first is an answer."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="posts")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    source_md = models.TextField()
    html = models.TextField()
    plain = models.TextField()
    render_version = models.PositiveIntegerField()
    vote_score = models.IntegerField(default=0)
    # Of a post that was brought from elsewhere: its score there. Nobody voted here.
    brought_score = models.IntegerField(null=True, blank=True)
    # Of comments that everybody who reads the post may read.
    comment_count = models.PositiveIntegerField(default=0, db_default=0)
    # Made by the form, so that a second click is the same post.
    client_token = models.CharField(max_length=64, blank=True)
    # SHA-256 of what was sent with the token; unknown of what is older than this.
    client_digest = models.CharField(max_length=64, blank=True, db_default="")
    created_at = models.DateTimeField(default=now)
    edited_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)
    hidden_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    hidden_reason = models.CharField(max_length=300, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "number"], name="forum_post_number"
            ),
            models.UniqueConstraint(
                fields=["author", "client_token"],
                condition=~Q(client_token=""),
                name="forum_post_submitted_once",
            ),
        ]
        indexes = [
            models.Index(
                "author",
                F("created_at").desc(),
                F("id").desc(),
                name="forum_post_author",
            ),
            # The answers of one question, the best first.
            models.Index(
                "topic",
                F("vote_score").desc(),
                F("number").asc(),
                name="forum_post_best",
            ),
            # Of what is unread some may be hidden; few posts are.
            models.Index(
                fields=["topic", "number"],
                condition=Q(hidden_at__isnull=False),
                name="forum_post_hidden",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic_id}#{self.number}"

    def get_absolute_url(self) -> str:
        return f"{self.topic.get_absolute_url()}?n={self.number}#post-{self.number}"

    @property
    def is_opening(self) -> bool:
        return self.number == 1

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None

    @property
    def counted_reactions(self) -> dict[str, int]:
        """How many chose each kind of reaction that anybody chose."""
        counts = self.reaction_counts.all()
        return {each.kind: each.count for each in counts if each.count}

    @property
    def shown(self) -> markdown.Rendered | Self:
        """What to show: the stored HTML, or a new one when rules have changed since."""
        return self if self.render_version == markdown.VERSION else self.rendered()

    def rendered(self) -> markdown.Rendered:
        """Return what the source becomes by today's rules."""
        # The prefix keeps the footnotes of two posts apart on one page.
        return markdown.render(
            self.source_md,
            id_prefix=f"post-{self.number}",
            top_level=3,
            # Who is called by name in what was brought is another forum's user.
            people=usernames_among if self.brought_score is None else None,
        )

    @property
    def fingerprint(self) -> str:
        """What tells this text from any other the post ever had."""
        return sha256(self.source_md.encode()).hexdigest()[:32]


class PostRevision(models.Model):
    """What a post said before an edit."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    editor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    source_md = models.TextField()
    title = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now)
    # Only the team reads what was said then.
    hidden_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["post", "number"], name="forum_postrevision_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.post_id} r{self.number}"


class Vote(models.Model):
    """A user's vote on a post: up or down."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="votes")
    value = models.SmallIntegerField()
    voted_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "post"], name="forum_vote_once"),
            models.CheckConstraint(
                condition=Q(value__in=[-1, 1]), name="forum_vote_value"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.value:+d} {self.post_id}"
