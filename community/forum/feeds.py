"""The forum's Atom feeds: what everybody may see, newest first."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.contrib.syndication.views import Feed
from django.db.models import Prefetch
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _

from community.forum.models import Category, Post, Topic


class LatestTopics(Feed[Topic, Category | None]):
    """The latest topics, of one category or of all."""

    feed_type = Atom1Feed

    def get_object(self, request: HttpRequest, slug: str = "") -> Category | None:
        public = Category.objects.visible_to(AnonymousUser())
        return get_object_or_404(public, slug=slug) if slug else None

    def title(self, category: Category | None) -> str:
        return category.localised_name if category else _("Community")

    def link(self, category: Category | None) -> str:
        return category.get_absolute_url() if category else "/forum/"

    def subtitle(self, category: Category | None) -> str:
        return category.localised_description if category else _("The latest topics")

    def items(self, category: Category | None) -> Iterable[Topic]:
        topics = Topic.objects.visible_to(AnonymousUser()).listed()
        if category:
            topics = topics.filter(category=category)
        latest = topics.select_related("author").order_by("-created_at", "-pk")
        # The question of each only: a topic of ten thousand replies costs no more.
        openings = Prefetch(
            "posts", Post.objects.filter(number=1, hidden_at=None), to_attr="openings"
        )
        return latest.prefetch_related(openings)[:30]

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
