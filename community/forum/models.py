from hashlib import sha256
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.queries import usernames_among
from core.clock import now
from design import markdown

Person = User | AnonymousUser


class Visibility(models.TextChoices):
    """Who may see a category; the same words the search index uses."""

    PUBLIC = "public", _("Everybody")
    MEMBERS = "members", _("Signed-in people")
    STAFF = "staff", _("Staff")


def visibilities_of(user: Person) -> list[str]:
    """Return which categories ``user`` may see into."""
    if user.is_staff or getattr(user, "is_moderator", False):
        return [*Visibility.values]
    if user.is_authenticated:
        return [Visibility.PUBLIC, Visibility.MEMBERS]
    return [Visibility.PUBLIC]


# Which counter of a tag holds the topics of a category, and of those open to more.
COUNTED = {
    Visibility.PUBLIC: "public_count",
    Visibility.MEMBERS: "members_count",
    Visibility.STAFF: "topic_count",
}


class CategoryQuerySet(models.QuerySet["Category"]):
    def visible_to(self, user: Person) -> Self:
        """Categories ``user`` may see."""
        return self.filter(visibility__in=visibilities_of(user))


class Category(models.Model):
    """A part of the forum."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80, blank=True)
    description = models.CharField(max_length=300, blank=True)
    description_zh = models.CharField(max_length=300, blank=True)
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=Visibility.PUBLIC
    )
    position = models.PositiveIntegerField(default=0)
    topic_count = models.PositiveIntegerField(default=0)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ["position", "slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.localised_name

    def get_absolute_url(self) -> str:
        return f"/forum/c/{self.slug}/"

    @property
    def localised_name(self) -> str:
        is_chinese = (get_language() or "").startswith("zh")
        return (self.name_zh if is_chinese else "") or self.name

    @property
    def localised_description(self) -> str:
        is_chinese = (get_language() or "").startswith("zh")
        return (self.description_zh if is_chinese else "") or self.description


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: Person) -> Self:
        """Tags of topics ``user`` may read; the name of a tag says something, too.

        ``shown_count`` is how many topics those are.
        """
        widest = visibilities_of(user)[-1]
        counted = self.annotate(shown_count=F(COUNTED[Visibility(widest)]))
        return counted.filter(shown_count__gt=0)


class Tag(models.Model):
    """A word topics are found by."""

    slug = models.SlugField(max_length=40, unique=True, allow_unicode=True)
    name = models.CharField(max_length=40)
    # What the team may read; what members may; what everybody may.
    topic_count = models.PositiveIntegerField(default=0)
    members_count = models.PositiveIntegerField(default=0, db_default=0)
    public_count = models.PositiveIntegerField(default=0, db_default=0)

    objects = TagQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="forum_tag_name_ci")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"/forum/tag/{self.slug}/"


class TopicQuerySet(models.QuerySet["Topic"]):
    def visible_to(self, user: Person) -> Self:
        """Topics ``user`` may read: in what they see, of hidden ones their own."""
        visible = self.filter(category__visibility__in=visibilities_of(user))
        if user.is_staff or getattr(user, "is_moderator", False):
            return visible
        # An anonymous pk is None, and no topic lacks an author.
        return visible.filter(Q(hidden_at=None) | Q(author_id=user.pk))

    def listed(self) -> Self:
        """Topics that appear in lists."""
        return self.filter(hidden_at=None)


class Heat(models.Func):
    """How hot a topic is: tenfold votes and replies weigh as much as 12.5 hours.

    Of the age it takes only when it was asked, so it changes with a vote or a reply and
    never by itself. The hours are Reddit's.
    """

    template = (
        "(log(greatest(1, 1 + 2 * vote_score + reply_count)::double precision)"
        " + extract(epoch FROM created_at - '2020-01-01 00:00:00+00'::timestamptz)"
        "::double precision / 45000)"
    )
    output_field = models.FloatField()


class Topic(models.Model):
    """A question or a discussion; its text is its first post."""

    class Kind(models.TextChoices):
        QUESTION = "question", _("Question")
        DISCUSSION = "discussion", _("Discussion")

    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, related_name="topics"
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    title = models.CharField(_("title"), max_length=200)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    locale = models.CharField(max_length=10, default="en")
    tags = models.ManyToManyField(Tag, through="TopicTag", related_name="topics")
    # What the list shows, so that it reads one table.
    reply_count = models.PositiveIntegerField(default=0)
    vote_score = models.IntegerField(default=0)
    view_count = models.PositiveIntegerField(default=0)
    hot_score = models.GeneratedField(
        expression=Heat(F("vote_score"), F("reply_count"), F("created_at")),
        output_field=models.FloatField(),
        db_persist=True,
    )
    highest_number = models.PositiveIntegerField(default=0)
    last_poster = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+"
    )
    bumped_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    solution = models.ForeignKey(
        "Post", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    solved_at = models.DateTimeField(null=True, blank=True)
    pinned_at = models.DateTimeField(null=True, blank=True)
    locked_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)

    objects = TopicQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(solution=None, solved_at=None)
                | Q(solution__isnull=False, solved_at__isnull=False, kind="question"),
                name="forum_topic_solution",
            )
        ]
        indexes = [
            models.Index(
                F("bumped_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_latest",
            ),
            models.Index(
                "category",
                F("bumped_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_category",
            ),
            models.Index(
                F("vote_score").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_top",
            ),
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None, kind="question", solution=None),
                name="forum_topic_unanswered",
            ),
            models.Index("author", F("id").desc(), name="forum_topic_author"),
            models.Index(
                "author",
                F("bumped_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_mine",
            ),
            models.Index(
                F("hot_score").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_hot",
            ),
            # The feed, and the best of a day, week or month.
            models.Index(
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_newest",
            ),
            models.Index(
                "category",
                F("hot_score").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_category_hot",
            ),
            models.Index(
                "category",
                F("vote_score").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_category_top",
            ),
            models.Index(
                "category",
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None),
                name="forum_topic_category_newest",
            ),
            models.Index(
                "category",
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None, kind="question", solution=None),
                name="forum_topic_category_open",
            ),
            models.Index(
                F("pinned_at").desc(),
                condition=Q(hidden_at=None, pinned_at__isnull=False),
                name="forum_topic_pinned",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return (
            f"/forum/t/{self.pk}-{self.slug}/" if self.slug else f"/forum/t/{self.pk}/"
        )

    @property
    def slug(self) -> str:
        return slugify(self.title, allow_unicode=True)[:80].strip("-")

    @property
    def is_question(self) -> bool:
        return self.kind == self.Kind.QUESTION

    @property
    def is_solved(self) -> bool:
        return self.solution_id is not None

    @property
    def is_locked(self) -> bool:
        return self.locked_at is not None


def readers_of(topic: Topic) -> models.QuerySet[User]:
    """People who may read ``topic``: the rule of ``visible_to``, the other way."""
    people = User.objects.filter(is_active=True)
    team = Q(is_staff=True) | Q(is_moderator=True)
    if topic.category.visibility == Visibility.STAFF:
        people = people.filter(team)
    if topic.hidden_at:
        people = people.filter(team | Q(pk=topic.author_id))
    return people


class TopicTag(models.Model):
    """A topic under a tag; carries what lists are sorted by, for the tag's own.

    ``tagging.carry`` keeps it as the topic has it.
    """

    topic = models.ForeignKey(
        Topic, on_delete=models.CASCADE, related_name="topic_tags"
    )
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="topic_tags")
    bumped_at = models.DateTimeField()
    created_at = models.DateTimeField(default=now, db_default=Now())
    vote_score = models.IntegerField(default=0, db_default=0)
    hot_score = models.FloatField(default=0, db_default=0)
    is_open = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["topic", "tag"], name="forum_topictag_once")
        ]
        indexes = [
            models.Index(
                "tag",
                F("bumped_at").desc(),
                F("topic").desc(),
                name="forum_topictag_latest",
            ),
            models.Index(
                "tag",
                F("hot_score").desc(),
                F("topic").desc(),
                name="forum_topictag_hot",
            ),
            models.Index(
                "tag",
                F("vote_score").desc(),
                F("topic").desc(),
                name="forum_topictag_top",
            ),
            models.Index(
                "tag",
                F("created_at").desc(),
                F("topic").desc(),
                name="forum_topictag_newest",
            ),
            models.Index(
                "tag",
                F("created_at").desc(),
                F("topic").desc(),
                condition=Q(is_open=True),
                name="forum_topictag_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic_id} #{self.tag_id}"


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
            people=usernames_among,
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


class TopicUser(models.Model):
    """How far a user has read a topic, and whether they follow it."""

    class Level(models.TextChoices):
        MUTED = "muted", _("Muted")
        NORMAL = "normal", _("Normal")
        WATCHING = "watching", _("Watching")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="readers")
    last_read_number = models.PositiveIntegerField(default=0)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.NORMAL)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "topic"], name="forum_topicuser_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["topic"],
                condition=Q(level="watching"),
                name="forum_topicuser_watching",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.topic_id}#{self.last_read_number}"
