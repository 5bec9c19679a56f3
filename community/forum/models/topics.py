"""Topics, what lists of them are sorted by, and how far each was read."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from community.forum.models.places import (
    Category,
    Person,
    Tag,
    Visibility,
    visibilities_of,
)
from core.clock import now


class TopicQuerySet(models.QuerySet["Topic"]):
    def visible_to(self, user: Person) -> Self:
        """Topics ``user`` may read: in what they see, of hidden ones their own."""
        visible = self.filter(
            category__visibility__in=visibilities_of(user), merged_into=None
        )
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
    """A question, discussion, idea or announcement; its text is its first post."""

    class Kind(models.TextChoices):
        QUESTION = "question", _("Question")
        DISCUSSION = "discussion", _("Discussion")
        IDEA = "idea", _("Idea")
        ANNOUNCEMENT = "announcement", _("Announcement")

    class IdeaState(models.TextChoices):
        """What became of an idea; staff say so."""

        OPEN = "open", pgettext_lazy("idea", "Open")
        PLANNED = "planned", pgettext_lazy("idea", "Planned")
        DONE = "done", pgettext_lazy("idea", "Done")
        DECLINED = "declined", pgettext_lazy("idea", "Declined")

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
    # Only of ideas; the last of ``decisions`` says the same, with a word.
    idea_state = models.CharField(
        max_length=10, choices=IdeaState.choices, blank=True, default="", db_default=""
    )
    pinned_at = models.DateTimeField(null=True, blank=True)
    # Nothing takes the pin off then: lists ask for the time. Without it it stays.
    pinned_until = models.DateTimeField(null=True, blank=True)
    locked_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)
    # Where its posts are now. What is left of it is hidden, and its address leads on.
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged"
    )

    objects = TopicQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(solution=None, solved_at=None)
                | Q(solution__isnull=False, solved_at__isnull=False, kind="question"),
                name="forum_topic_solution",
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None)
                | Q(hidden_at__isnull=False, reply_count=0, solution=None),
                name="forum_topic_merged",
            ),
            models.CheckConstraint(
                condition=Q(kind="idea")
                & Q(idea_state__in=["open", "planned", "done", "declined"])
                | ~Q(kind="idea") & Q(idea_state=""),
                name="forum_topic_idea_state",
            ),
            models.CheckConstraint(
                condition=Q(pinned_until=None) | Q(pinned_at__isnull=False),
                name="forum_topic_pinned_until",
            ),
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
            # Ideas in one state, everywhere and in one category.
            models.Index(
                "idea_state",
                F("vote_score").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None, kind="idea"),
                name="forum_topic_ideas_top",
            ),
            models.Index(
                "idea_state",
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None, kind="idea"),
                name="forum_topic_ideas_new",
            ),
            models.Index(
                "category",
                "idea_state",
                F("vote_score").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None, kind="idea"),
                name="forum_topic_category_ideas_top",
            ),
            models.Index(
                "category",
                "idea_state",
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(hidden_at=None, kind="idea"),
                name="forum_topic_category_ideas_new",
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
    def is_idea(self) -> bool:
        return self.kind == self.Kind.IDEA

    @property
    def is_announcement(self) -> bool:
        return self.kind == self.Kind.ANNOUNCEMENT

    @property
    def is_pinned(self) -> bool:
        """Tell whether it stands on top of its lists now."""
        is_over = self.pinned_until is not None and self.pinned_until <= now()
        return self.pinned_at is not None and not is_over

    @property
    def is_solved(self) -> bool:
        return self.solution_id is not None

    @property
    def is_locked(self) -> bool:
        return self.locked_at is not None


def first_state_of(kind: str) -> str:
    """Return the state a topic of ``kind`` begins with: ideas are open."""
    return Topic.IdeaState.OPEN if kind == Topic.Kind.IDEA else ""


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


class TopicUser(models.Model):
    """How far a user has read a topic, and whether they follow it."""

    class Level(models.TextChoices):
        MUTED = "muted", _("Muted")
        NORMAL = "normal", _("Normal")
        TRACKING = "tracking", _("Tracking")
        WATCHING = "watching", _("Watching")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="readers")
    last_read_number = models.PositiveIntegerField(default=0)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.NORMAL)
    # The person chose the level: then what they chose for its places says nothing.
    is_chosen = models.BooleanField(default=False, db_default=False)

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
