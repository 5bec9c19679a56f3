"""What a search engine may find: only pages that everybody may read."""

from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.utils.encoding import iri_to_uri

from community.docs.models import Page
from community.forum.models import Category, Topic
from inference.catalog.models import Model

Item = TypeVar("Item")


class NamedPages(Sitemap[Item]):
    """Pages whose names may be Chinese; a site map is written in ASCII."""

    def location(self, item: Item) -> str:
        return iri_to_uri(super().location(item))


class FixedPages(Sitemap[str]):
    """The pages that are always there."""

    def items(self) -> list[str]:
        return ["/", "/forum/", "/docs/", "/models/", "/pricing/", "/contributions/"]

    def location(self, item: str) -> str:
        return item


class Categories(NamedPages[Category]):
    """The public parts of the forum."""

    def items(self) -> QuerySet[Category]:
        return Category.objects.visible_to(AnonymousUser()).order_by("pk")


class Topics(NamedPages[Topic]):
    """The topics everybody may read, in an order that replies do not change."""

    limit = 10_000

    def items(self) -> QuerySet[Topic]:
        visible = Topic.objects.visible_to(AnonymousUser()).listed()
        return visible.only("pk", "title", "bumped_at").order_by("pk")

    def lastmod(self, item: Topic) -> datetime:
        return item.bumped_at


class DocsPages(NamedPages[Page]):
    """The documentation as it is now."""

    def items(self) -> QuerySet[Page]:
        pages = Page.objects.published().filter(version__is_default=True, locale="en")
        return pages.select_related("version").order_by("pk")


class Models(NamedPages[Model]):
    """The models on offer."""

    def items(self) -> QuerySet[Model]:
        return Model.objects.filter(status=Model.Status.ACTIVE).order_by("pk")


SITEMAPS: dict[str, type[Sitemap[Any]]] = {
    "places": FixedPages,
    "categories": Categories,
    "topics": Topics,
    "docs": DocsPages,
    "models": Models,
}
