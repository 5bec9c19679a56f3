"""Finding things, for people and for the documentation assistant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.core import signing
from django.db.models import Case, F, FloatField, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from accounts.models import User
from edge.pagination import BadCursor
from search import snippets, text
from search.models import IndexEntry

_OBJECT = ("kind", "object_id", "version")
_SALT = "search.page"


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


@dataclass(frozen=True, slots=True)
class Hits:
    """One page of what was found, best first, and the cursor of the next."""

    items: list[Hit]
    next_cursor: str


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
    return search_page(
        actor, wanted, kinds=kinds, labels=labels, locale=locale, page_size=limit
    ).items


def search_page(
    actor: User | AnonymousUser,
    wanted: str,
    *,
    kinds: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    locale: str | None = None,
    preferred: str = "",
    cursor: str = "",
    page_size: int = 20,
) -> Hits:
    """Return one page of what ``actor`` may see that matches, each object once.

    An object is shown by its best part; what is in another language than the
    ``preferred`` one counts less, since it is rarely what is looked for. The cursor
    holds rank and row of the last one shown, so a page neither repeats nor skips.
    Raises ``BadCursor``.
    """
    query_text = text.query(wanted)
    if not query_text:
        return Hits([], "")
    visible = IndexEntry.objects.visible_to(actor)
    matching = _match(visible, query_text, kinds, labels, locale, preferred)
    best = matching.order_by(*_OBJECT, "-rank", "part").distinct(*_OBJECT)
    found = matching.filter(pk__in=best.values("pk")).order_by("-rank", "-pk")
    if cursor:
        rank, pk = _read(cursor)
        found = found.filter(Q(rank__lt=rank) | Q(rank=rank, pk__lt=pk))
    entries = list(found[: page_size + 1])
    has_more = len(entries) > page_size
    entries = entries[:page_size]
    return Hits(
        [_hit(entry, wanted) for entry in entries],
        _write(entries[-1]) if has_more else "",
    )


def _hit(entry: Any, wanted: str) -> Hit:
    return Hit(
        entry.kind,
        entry.object_id,
        entry.url,
        entry.title,
        entry.heading,
        snippets.snippet(snippets.readable(entry.text), wanted),
        entry.version,
        entry.locale,
        tuple(entry.labels),
        entry.rank,
    )


def _write(entry: Any) -> str:
    return signing.dumps([entry.rank, entry.pk], salt=_SALT)


def _read(cursor: str) -> tuple[float, int]:
    try:
        rank, pk = signing.loads(cursor, salt=_SALT)
        return float(rank), int(pk)
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise BadCursor from error


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
    preferred: str = "",
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
    in_other_language = ~Q(locale__in=[preferred, ""]) if preferred else Q(pk=None)
    language = Case(When(in_other_language, then=Value(0.5)), default=Value(1.0))
    return (
        entries.filter(vector=query)
        .annotate(rank=Cast(rank * F("boost") * language, FloatField()))
        .order_by("-rank", "-object_id", "part")
    )
