"""Finding things, for people and for the documentation assistant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, FloatField, QuerySet
from django.db.models.functions import Cast

from accounts.models import User
from search import snippets, text
from search.models import IndexEntry


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found, by its best part. ``snippet`` is safe HTML with marks."""

    kind: str
    object_id: int
    url: str
    title: str
    heading: str
    snippet: str
    version: str
    locale: str
    labels: tuple[str, ...]
    rank: float


@dataclass(frozen=True, slots=True)
class Passage:
    """One part found, whole, for composing an answer."""

    kind: str
    object_id: int
    part: int
    url: str
    title: str
    heading: str
    text: str
    version: str
    locale: str
    labels: tuple[str, ...]
    rank: float


def search(
    actor: User | AnonymousUser,
    wanted: str,
    *,
    kinds: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    locale: str | None = None,
    limit: int = 20,
) -> list[Hit]:
    """Return what ``actor`` may see that matches, best first, each object once."""
    matching = _match(
        IndexEntry.objects.visible_to(actor), text.query(wanted), kinds, labels, locale
    )
    hits: dict[tuple[str, int, str], Hit] = {}
    # An object may match in many parts; a few times the limit is enough of them.
    for entry in matching[: limit * 5]:
        key = (entry.kind, entry.object_id, entry.version)
        if key in hits or len(hits) >= limit:
            continue
        hits[key] = Hit(
            entry.kind,
            entry.object_id,
            entry.url,
            entry.title,
            entry.heading,
            snippets.snippet(entry.text, wanted),
            entry.version,
            entry.locale,
            tuple(entry.labels),
            entry.rank,
        )
    return list(hits.values())


def passages(
    audiences: Sequence[str],
    wanted: str,
    *,
    kinds: Sequence[str],
    labels: Sequence[str] | None = None,
    locale: str | None = None,
    limit: int = 12,
) -> list[Passage]:
    """Return parts open to ``audiences`` that hold some of the words, best first."""
    matching = _match(
        IndexEntry.objects.filter(audience__in=audiences),
        text.query(wanted, match_any=True),
        kinds,
        labels,
        locale,
    )
    return [
        Passage(
            entry.kind,
            entry.object_id,
            entry.part,
            entry.url,
            entry.title,
            entry.heading,
            entry.text,
            entry.version,
            entry.locale,
            tuple(entry.labels),
            entry.rank,
        )
        for entry in matching[:limit]
    ]


def _match(
    entries: QuerySet[IndexEntry],
    query_text: str,
    kinds: Sequence[str] | None,
    labels: Sequence[str] | None,
    locale: str | None,
) -> QuerySet[Any]:
    if not query_text:
        return entries.none()
    if kinds:
        entries = entries.filter(kind__in=kinds)
    if labels:
        entries = entries.filter(labels__contains=list(labels))
    if locale:
        entries = entries.filter(locale__in=[locale, ""])
    query = SearchQuery(query_text, search_type="raw", config="simple")
    rank = SearchRank(F("vector"), query, normalization=1, cover_density=True)
    return (
        entries.filter(vector=query)
        .annotate(rank=Cast(rank * F("boost"), FloatField()))
        .order_by("-rank", "-object_id", "part")
    )
