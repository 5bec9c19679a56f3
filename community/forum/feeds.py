"""The forum's Atom feeds: what everybody may see, newest first.

Topics of all categories, of one or under one tag; and the replies of one topic.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.syndication.views import Feed
from django.db.models import Prefetch, Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _

from community.forum.cleaning import clean_text
from community.forum.models import Category, Post, Tag, Topic

# As many as a reader that asks once a day has to see of a lively forum.
MOST = 30


class ReadableFeed(Atom1Feed):
    """A feed without what XML cannot say: one sign in one name would end it for all."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**_readable(fields))

    def add_item(self, **fields: Any) -> None:  # type: ignore[override]
        super().add_item(**_readable(fields))


def _readable(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: clean_text(value) if isinstance(value, str) else value
        for name, value in fields.items()
    }


class LatestTopics(Feed[Topic, Category | Tag | None]):
    """The latest topics, of one category, under one tag, or of all."""

    feed_type = ReadableFeed

    def get_object(
        self, request: HttpRequest, slug: str = "", tag: str = ""
    ) -> Category | Tag | None:
        visitor = AnonymousUser()
        if tag:
            # Another name of a tag is that tag.
            named = Q(slug=tag) | Q(synonyms__slug=tag)
            tags = Tag.objects.visible_to(visitor).filter(named).distinct()
            return get_object_or_404(tags)
        public = Category.objects.visible_to(visitor)
        return get_object_or_404(public, slug=slug) if slug else None

    def title(self, place: Category | Tag | None) -> str:
        if isinstance(place, Tag):
            return f"#{place.name}"
        return place.localised_name if place else _("Community")

    def link(self, place: Category | Tag | None) -> str:
        return place.get_absolute_url() if place else "/forum/"

    def subtitle(self, place: Category | Tag | None) -> str:
        if isinstance(place, Category):
            return place.localised_description
        return _("The latest topics")

    def items(self, place: Category | Tag | None) -> Iterable[Topic]:
        topics = Topic.objects.visible_to(AnonymousUser()).listed()
        order = "created_at"
        if isinstance(place, Tag):
            # The tag's own index, so that a rare tag reads no other topics.
            topics = topics.filter(topic_tags__tag=place)
            order = "topic_tags__created_at"
        elif place:
            topics = topics.filter(category=place)
        latest = topics.select_related("author").order_by(f"-{order}", "-pk")
        # The question of each only: a topic of ten thousand replies costs no more.
        openings = Prefetch(
            "posts", Post.objects.filter(number=1, hidden_at=None), to_attr="openings"
        )
        return latest.prefetch_related(openings)[:MOST]

    def item_title(self, topic: Topic) -> str:
        return topic.title

    def item_description(self, topic: Topic) -> str:
        openings: list[Post] = topic.openings  # type: ignore[attr-defined]
        return openings[0].shown.html if openings else ""

    def item_author_name(self, topic: Topic) -> str:
        return topic.author.name

    def item_pubdate(self, topic: Topic) -> datetime:
        return topic.created_at

    def item_updateddate(self, topic: Topic) -> datetime:
        return topic.bumped_at


class TopicReplies(Feed[Post, Topic]):
    """What was written in one topic, the latest first."""

    feed_type = ReadableFeed

    def get_object(self, request: HttpRequest, pk: int) -> Topic:
        visible = Topic.objects.visible_to(AnonymousUser())
        # Of one that was joined to another it is that other one.
        return get_object_or_404(visible.filter(Q(pk=pk) | Q(merged=pk)).distinct())

    def title(self, topic: Topic) -> str:
        return topic.title

    def link(self, topic: Topic) -> str:
        return topic.get_absolute_url()

    def subtitle(self, topic: Topic) -> str:
        return _("Answers") if topic.is_question else _("Replies")

    def items(self, topic: Topic) -> Iterable[Post]:
        posts = Post.objects.visible_to(AnonymousUser()).filter(topic=topic)
        latest = posts.filter(number__gt=1).select_related("author", "topic")
        return latest.order_by("-number")[:MOST]

    def item_title(self, post: Post) -> str:
        return f"{post.author.name}: {post.topic.title}"

    def item_description(self, post: Post) -> str:
        return post.shown.html

    def item_guid(self, post: Post) -> str:
        # Where it is read changes with the title, and when it is moved.
        return f"{settings.SITE_URL}/forum/p/{post.pk}/"

    def item_author_name(self, post: Post) -> str:
        return post.author.name

    def item_pubdate(self, post: Post) -> datetime:
        return post.created_at

    def item_updateddate(self, post: Post) -> datetime:
        return post.edited_at or post.created_at
