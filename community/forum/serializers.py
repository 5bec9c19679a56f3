"""What the forum's REST API takes and gives."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from community.forum.cleaning import clean_title
from community.forum.forms import (
    MAX_COMMENT,
    MAX_TEXT,
    MOST_PINNED_DAYS,
    checked_tags,
    checked_text,
    checked_title,
)
from community.forum.models import Topic, TopicUser
from community.forum.poll_serializers import NewPollSerializer, poll_of
from community.forum.queries import PERIODS, SORTS
from community.forum.services import MOST_SPLIT, PollValues
from core.clock import now
from core.reading import LAST_DAY, MOST_DIGITS
from edge.endpoints import PageQuery, PageSerializer
from edge.rest import StrictSerializer


def checked_end(value: datetime | None) -> datetime | None:
    """Return a moment to come, or none. Raises ``ValidationError``."""
    if value is not None and (value <= now() or value.year > LAST_DAY.year):
        raise serializers.ValidationError("Choose a time that is still to come.")
    return value


class TopicSerializer(serializers.Serializer[Any]):
    """A topic as lists show it."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField(source="category.slug")
    author = serializers.CharField(source="author.username")
    url = serializers.CharField(source="get_absolute_url")
    reply_count = serializers.IntegerField()
    vote_score = serializers.IntegerField()
    is_solved = serializers.BooleanField()
    idea_state = serializers.CharField(help_text="Empty, but of ideas.")
    is_locked = serializers.BooleanField()
    is_pinned = serializers.BooleanField()
    pinned_until = serializers.DateTimeField(
        allow_null=True, help_text="When the pin ends by itself; it may be over."
    )
    created_at = serializers.DateTimeField()
    bumped_at = serializers.DateTimeField()


class PostSerializer(serializers.Serializer[Any]):
    """A post: its Markdown and the HTML made of it.

    ``version`` tells this text from any other; an edit that names it is refused when
    the post says something else by then.
    """

    id = serializers.IntegerField(source="pk")
    topic = serializers.IntegerField(source="topic_id")
    number = serializers.IntegerField()
    author = serializers.CharField(source="author.username")
    text = serializers.CharField(source="source_md")
    html = serializers.CharField()
    vote_score = serializers.IntegerField()
    brought_score = serializers.IntegerField(
        allow_null=True,
        help_text="What a post that was brought from another forum had there.",
    )
    comment_count = serializers.IntegerField()
    reactions = serializers.DictField(
        source="counted_reactions",
        child=serializers.IntegerField(),
        help_text="How many chose each kind; a kind that nobody chose is not there.",
    )
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)
    is_hidden = serializers.BooleanField()
    version = serializers.CharField(source="fingerprint")


class TopicPageSerializer(PageSerializer):
    """A page of topics."""

    results = TopicSerializer(many=True)


class PostPageSerializer(PageSerializer):
    """A page of posts, oldest first."""

    results = PostSerializer(many=True)


class NewTopicSerializer(StrictSerializer):
    """A topic to open."""

    category = serializers.SlugField()
    kind = serializers.ChoiceField(choices=Topic.Kind.choices, default="question")
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=MAX_TEXT)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=5, default=list
    )
    pinned_days = serializers.IntegerField(
        min_value=0,
        max_value=MOST_PINNED_DAYS,
        default=0,
        help_text="For how many days an announcement is on top of its lists.",
    )
    poll = NewPollSerializer(default=None, allow_null=True)
    client_token = serializers.CharField(max_length=64, default="")

    def validate_poll(self, value: dict[str, Any] | None) -> PollValues | None:
        return poll_of(value) if value else None

    def validate_title(self, value: str) -> str:
        return checked_title(value)

    def validate_tags(self, value: list[str]) -> list[str]:
        return checked_tags(value)

    def validate_text(self, value: str) -> str:
        return checked_text(value)


class NewReplySerializer(StrictSerializer):
    """A reply to post."""

    text = serializers.CharField(max_length=MAX_TEXT)
    client_token = serializers.CharField(max_length=64, default="")

    def validate_text(self, value: str) -> str:
        return checked_text(value)


class TopicChangeSerializer(StrictSerializer):
    """What to change of a topic: authors title and tags, moderators the rest, too."""

    title = serializers.CharField(max_length=200, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=5, required=False
    )
    category = serializers.SlugField(required=False)
    is_locked = serializers.BooleanField(required=False)
    is_pinned = serializers.BooleanField(required=False)
    pinned_until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Read with `is_pinned`."
    )
    kind = serializers.ChoiceField(choices=Topic.Kind.choices, required=False)

    def validate_pinned_until(self, value: datetime | None) -> datetime | None:
        return checked_end(value)

    def validate_title(self, value: str) -> str:
        return checked_title(value)

    def validate_tags(self, value: list[str]) -> list[str]:
        return checked_tags(value)


class PostChangeSerializer(StrictSerializer):
    """What a post is to say, and which ``version`` that was made from."""

    text = serializers.CharField(max_length=MAX_TEXT)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)
    version = serializers.CharField(max_length=64, default="", allow_blank=True)

    def validate_text(self, value: str) -> str:
        return checked_text(value)


class WatchSerializer(StrictSerializer):
    """How closely the caller follows a topic."""

    level = serializers.ChoiceField(choices=TopicUser.Level.choices)


class CategorySerializer(serializers.Serializer[Any]):
    """A category, in the language asked for."""

    slug = serializers.CharField()
    name = serializers.CharField(source="localised_name")
    description = serializers.CharField(source="localised_description")
    visibility = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    topic_count = serializers.IntegerField()
    url = serializers.CharField(source="get_absolute_url")


class TagSerializer(serializers.Serializer[Any]):
    """A tag, and how many topics under it the caller may read."""

    slug = serializers.CharField()
    name = serializers.CharField()
    topic_count = serializers.IntegerField(source="shown_count")
    url = serializers.CharField(source="get_absolute_url")


class TagPageSerializer(PageSerializer):
    """A page of tags, by name."""

    results = TagSerializer(many=True)


class VoteSerializer(StrictSerializer):
    """A vote: 1, -1, or 0 to take it back."""

    value = serializers.ChoiceField(choices=[1, 0, -1])


class TopicQuery(PageQuery):
    """Which topics, and in which order."""

    sort = serializers.ChoiceField(
        choices=list(SORTS),
        default="latest",
        help_text="`unread` and `mine` are the caller's own.",
    )
    period = serializers.ChoiceField(
        choices=list(PERIODS), default="all", help_text="What `top` is the best of."
    )
    category = serializers.SlugField(required=False, max_length=80)
    tag = serializers.SlugField(required=False, max_length=80, allow_unicode=True)


class PostQuery(PageQuery):
    """Which posts of a topic come first."""

    sort = serializers.ChoiceField(
        choices=["oldest", "votes"],
        default="oldest",
        help_text="`votes` begins with the most useful one.",
    )


class CommentSerializer(serializers.Serializer[Any]):
    """A comment under a post: its Markdown and the HTML made of it."""

    id = serializers.IntegerField(source="pk")
    post = serializers.IntegerField(source="post_id")
    number = serializers.IntegerField()
    author = serializers.CharField(source="author.username")
    text = serializers.CharField(source="source_md")
    html = serializers.CharField(source="shown.html")
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)
    is_hidden = serializers.BooleanField()
    url = serializers.CharField(source="get_absolute_url")


class CommentPageSerializer(PageSerializer):
    """A page of comments, oldest first."""

    results = CommentSerializer(many=True)


class CommentTextSerializer(StrictSerializer):
    """What a comment is to say."""

    text = serializers.CharField(max_length=MAX_COMMENT)

    def validate_text(self, value: str) -> str:
        return checked_text(value)


class NewCommentSerializer(CommentTextSerializer):
    """A comment to write."""

    client_token = serializers.CharField(max_length=64, default="")


class BookmarkSerializer(serializers.Serializer[Any]):
    """A post the caller keeps; times are in UTC."""

    post = serializers.IntegerField(source="post_id")
    topic = serializers.IntegerField(source="post.topic_id")
    title = serializers.CharField(source="post.topic.title")
    url = serializers.CharField(source="post.get_absolute_url")
    note = serializers.CharField()
    remind_at = serializers.DateTimeField(allow_null=True)
    reminded_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class BookmarkPageSerializer(PageSerializer):
    """A page of bookmarks, the last kept first."""

    results = BookmarkSerializer(many=True)


class NewBookmarkSerializer(StrictSerializer):
    """The note on a post to keep, and when to be reminded; both may be left out."""

    note = serializers.CharField(max_length=200, default="", allow_blank=True)
    remind_at = serializers.DateTimeField(default=None, allow_null=True)

    def validate_note(self, value: str) -> str:
        return clean_title(value)

    def validate_remind_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value.year > LAST_DAY.year:
            raise serializers.ValidationError("That is too far away.")
        return value


class JoinSerializer(StrictSerializer):
    """The topic, by its id, that another one becomes part of."""

    into = serializers.IntegerField(min_value=1, max_value=10**MOST_DIGITS - 1)


class SplitSerializer(StrictSerializer):
    """The replies, by their numbers, that become a topic; the rest is as it was."""

    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=2, max_value=999_999),
        min_length=1,
        max_length=MOST_SPLIT,
    )
    title = serializers.CharField(max_length=200)
    category = serializers.SlugField(required=False)
    kind = serializers.ChoiceField(choices=Topic.Kind.choices, required=False)

    def validate_title(self, value: str) -> str:
        return checked_title(value)
