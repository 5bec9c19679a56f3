"""Finding whole passages, for the documentation assistant (people: ``finding``)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import connection
from django.db.models import (
    CharField,
    Count,
    F,
    FloatField,
    Func,
    Max,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Cast

from search import meaning, text
from search.meaning import Dot, Vector
from search.models import Embedding, IndexEntry

# Parts whose vectors are compared with a question's, one by one: a tenth of a second
# of one core, with pgvector (5 µs each) and with arrays (about 40).
MOST_COMPARED = 20_000
MOST_COMPARED_AS_ARRAYS = 2_500  # the same tenth
# Parts whose words are counted: a tenth of a second.
MOST_COUNTED = 3_000


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
    source: str = ""
    asked: tuple[str, ...] = ()


def passages(
    audiences: Sequence[str],
    wanted: str,
    *,
    kinds: Sequence[str],
    labels: Sequence[str] | None = None,
    locale: str | None = None,
    versions: Collection[str] = (),
    limit: int = 12,
) -> list[Passage]:
    """Return parts open to ``audiences`` that hold some of the words, best first."""
    matching = _match(
        IndexEntry.objects.filter(audience__in=audiences),
        text.query(wanted, match_any=True),
        kinds,
        labels,
        locale,
        versions=versions,
    )
    return [_passage(entry) for entry in matching[:limit]]


def nearest(
    audiences: Sequence[str],
    vector: Vector,
    *,
    kinds: Sequence[str],
    labels: Sequence[str] | None = None,
    locale: str | None = None,
    versions: Collection[str] = (),
    limit: int = 12,
) -> list[Passage]:
    """Return parts open to ``audiences`` that mean most nearly what ``vector`` does.

    Every embedded part is compared, so with more than ``MOST_COMPARED`` of them
    nothing is returned and words alone find them.
    """
    meant = IndexEntry.objects.filter(audience__in=audiences).exclude(digest="")
    entries = _narrowed(meant, kinds, labels, locale, versions)
    most = MOST_COMPARED if meaning.has_pgvector() else MOST_COMPARED_AS_ARRAYS
    if entries.order_by()[: most + 1].count() > most:
        return []
    own = Embedding.objects.filter(
        model=settings.EMBEDDINGS_MODEL, digest=OuterRef("digest")
    )
    near = own.annotate(dot=Dot("vector", vector)).values("dot")
    found: QuerySet[Any] = entries.annotate(rank=Subquery(near))
    # What is not embedded yet comes last: asking for it twice would cost twice.
    nearest_first = found.order_by(F("rank").desc(nulls_last=True), "pk")[:limit]
    return [_passage(entry) for entry in nearest_first if entry.rank is not None]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How many parts there are, and how many of them hold each lexeme."""

    total: int
    holding: Mapping[str, int]


def frequencies(
    *,
    kinds: Sequence[str],
    labels: Sequence[str] | None = None,
    locale: str | None = None,
    versions: Collection[str] = (),
) -> Frequencies:
    """Return how common words are. Of many thousand parts a sample is counted."""
    entries = _narrowed(IndexEntry.objects.all(), kinds, labels, locale, versions)
    # Digests are as good as dice; what has none is there by its number.
    sample = entries.order_by("digest", "pk")[:MOST_COUNTED].values("vector")
    state = entries.aggregate(total=Count("pk"), newest=Max("pk"))
    operations: Any = connection.ops
    query = operations.compose_sql(*sample.query.sql_with_params())
    return _counted(query, min(state["total"], MOST_COUNTED), state["newest"])


@lru_cache(maxsize=16)  # languages times the versions people still ask about
def _counted(query: str, total: int, _newest: int) -> Frequencies:
    """Count anew only when there are more, fewer or newer parts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT word, ndoc FROM ts_stat(%s)", [query])
        return Frequencies(total, dict(cursor.fetchall()))


def twins_of(passages: Sequence[Passage], locale: str) -> set[str]:
    """Return which pages of ``passages``, by address, are there in ``locale``, too."""
    pages = {page_of(passage.url) for passage in passages}
    found = IndexEntry.objects.filter(
        locale=locale, kind__in={passage.kind for passage in passages}
    ).annotate(
        page=Func(
            F("url"),
            Value("#"),
            Value(1),
            function="split_part",
            output_field=CharField(),
        )
    )
    return set(found.filter(page__in=pages).values_list("page", flat=True))


def page_of(url: str) -> str:
    """Return the address without the place on the page."""
    return url.partition("#")[0]


def _passage(entry: Any) -> Passage:
    return Passage(
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
        entry.source,
        tuple(entry.asked),
    )


def _match(
    entries: QuerySet[IndexEntry],
    query_text: str,
    kinds: Sequence[str] | None,
    labels: Sequence[str] | None,
    locale: str | None,
    versions: Collection[str] = (),
) -> QuerySet[Any]:
    if not query_text:
        return entries.none()
    entries = _narrowed(entries, kinds, labels, locale, versions)
    query = SearchQuery(query_text, search_type="raw", config="simple")
    rank = SearchRank(F("vector"), query, normalization=1, cover_density=True)
    return (
        entries.filter(vector=query)
        .annotate(rank=Cast(rank * F("boost"), FloatField()))
        .order_by("-rank", "-object_id", "part")
    )


def _narrowed(
    entries: QuerySet[IndexEntry],
    kinds: Sequence[str] | None,
    labels: Sequence[str] | None,
    locale: str | None,
    versions: Collection[str],
) -> QuerySet[IndexEntry]:
    if versions:
        entries = entries.filter(version__in=versions)
    if kinds:
        entries = entries.filter(kind__in=kinds)
    if labels:
        entries = entries.filter(labels__contains=list(labels))
    if locale:
        entries = entries.filter(locale__in=[locale, ""])
    return entries
