"""Finding things for people: by all of their words, by most, or by some.

A search reads a bounded number of entries, however many match: the newest that hold
all words, and where those are few the newest that hold each one. What was read is
ranked by the share of the words it holds, the rare ones counting more.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.db import connection
from django.db.models import BooleanField, F, Func, QuerySet, Value
from django.utils.translation import get_language

from accounts.models import User
from edge.pagination import BadCursor
from search import asking, registry, snippets
from search.asking import SearchQuery, joined, rendered
from search.models import IndexEntry, TitleWords

# Entries read that hold all words: a fifth of a second of ranking.
MOST_RANKED = 2_000
# Entries read for each single word, where few hold all of them.
MOST_OF_ONE = 300
# The same two where titles are compared: at each pause of typing, and beside each
# topic. A word that stands in more than sixty titles tells none of them apart.
ALIKE = (200, 60)
# Things that hold all words: with so many of them nobody looks for less.
ENOUGH = 10
# What holds less than a fifth of what was asked is about something else.
LEAST_SHARE = 0.2
# How much more a word says in a title, and how much more words say that stand together.
IN_TITLE, TOGETHER = 1.2, 0.4
# Who reads one language rarely looks for what is in another.
OTHER_LANGUAGE = 0.5
_SALT = "search.found"


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found, by its best part. ``snippet`` is safe HTML with marks.

    ``share`` is how much of what was asked it holds, from 0 to 1.
    """

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
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Hits:
    """One page of what was found, best first, and the cursor of the next."""

    items: list[Hit]
    next_cursor: str

    @property
    def holds_all(self) -> bool:
        """Whether the best of them holds all that was asked."""
        return not self.items or self.items[0].share == 1.0


@dataclass(slots=True)
class _Candidate:
    """What was read of one object: its parts, and which atoms they hold."""

    boost: float
    held: int = 0
    in_title: int = 0
    parts: list[tuple[int, float, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ranked:
    rank: float
    pk: int
    share: float


class _Holds(Func):
    """Whether a vector holds what a query's text asks for."""

    template = "(%(expressions)s::tsquery)"
    arg_joiner = " @@ "
    output_field = BooleanField()


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


def with_like_title(
    actor: User | AnonymousUser, title: str, *, kinds: Sequence[str], limit: int
) -> list[Hit]:
    """Return what is called nearly as ``title``, as far as ``actor`` may see it."""
    question = asking.read(title, filters=())
    # A quotation in a title is no wish for its very words.
    question.words += question.required
    question.required = []
    question.in_title = True
    if not question.words:
        return []
    entries = IndexEntry.objects.visible_to(actor).filter(kind__in=kinds)
    found = _ranked(entries, question, "", ALIKE)
    return list(_hits(found[:limit], question))


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
    ``preferred`` one counts less. The cursor holds rank and row of the last one
    shown, so a page neither repeats nor skips. Raises ``BadCursor`` or
    ``UnknownFilter``.
    """
    known = registry.filters()
    question = asking.read(wanted, filters=[*known, "in"])
    entries = IndexEntry.objects.visible_to(actor)
    if kinds:
        entries = entries.filter(kind__in=kinds)
    if labels:
        entries = entries.filter(labels__contains=list(labels))
    if locale:
        entries = entries.filter(locale__in=[locale, ""])
    for name, value in question.filters:
        narrowed = known[name]
        entries = entries.filter(narrowed.narrow(value, actor), kind=narrowed.kind)
    if not question.has_words and not question.filters:
        return Hits([], "")
    found = _ranked(entries, question, preferred)
    if cursor:
        last = _read(cursor)
        found = [each for each in found if (each.rank, each.pk) < last]
    shown = found[:page_size]
    more = _write(shown[-1]) if len(found) > page_size else ""
    return Hits(list(_hits(shown, question)), more)


def _ranked(
    entries: QuerySet[IndexEntry],
    question: SearchQuery,
    preferred: str,
    reach: tuple[int, int] | None = None,
) -> list[_Ranked]:
    """Return what is found, best first; each object once.

    ``reach`` is how many entries are read that hold all words, and each one of them.
    """
    if question.in_title:
        # Further parts repeat the title at most, and are many.
        entries = entries.filter(part=0)
    newest = entries.order_by("-pk").values("pk")
    if not question.has_words:
        return _newest(entries)
    within = TitleWords(F("vector")) if question.in_title else F("vector")
    must = [rendered(query) for query in question.required]
    all_words = [rendered(query) for query in question.words]
    most, of_one = reach or (MOST_RANKED, MOST_OF_ONE)
    lists = [newest.filter(_holds(within, [*must, *all_words]))[:most]]
    objects = _opened(lists, question, preferred)
    found = _scored(objects, question)
    if len(question.atoms) > 1 and len(found) < ENOUGH:
        atoms = [rendered(atom.query) for atom in question.atoms]
        lists += [
            newest.filter(_holds(within, [*must, atom]))[:of_one] for atom in atoms
        ]
        found = _scored(_opened(lists, question, preferred), question)
    return found


def _newest(entries: QuerySet[IndexEntry]) -> list[_Ranked]:
    """Return what was narrowed without a word: each object once, by its first part."""
    rows = entries.order_by("-pk").values_list(
        "pk", "kind", "object_id", "version", "part"
    )
    first: dict[tuple[str, int, str], tuple[int, int]] = {}
    for pk, kind, object_id, version, part in rows[:MOST_RANKED]:
        one = (kind, object_id, version)
        first[one] = min(first.get(one, (part, pk)), (part, pk))
    found = [_Ranked(0.0, pk, 1.0) for _part, pk in first.values()]
    return sorted(found, key=lambda each: each.pk, reverse=True)


def _holds(within: F | TitleWords, queries: Sequence[str]) -> _Holds:
    return _Holds(within, Value(joined(queries, "&")))


def _opened(
    lists: Sequence[QuerySet[Any, Any]], question: SearchQuery, preferred: str
) -> list[_Candidate]:
    """Read the entries of ``lists``, each once, by the objects they are parts of."""
    operations: Any = connection.ops
    pieces = [operations.compose_sql(*each.query.sql_with_params()) for each in lists]
    union = " UNION ".join(f"({piece})" for piece in pieces).replace("%", "%%")
    atoms = [atom.query for atom in question.atoms]
    wanted = [rendered(query) for query in [*question.required, *question.words]]
    together, apart = joined(wanted, "&"), joined(wanted, "|")
    # One bit for each.
    bits = " | ".join(
        f"((vector @@ %s::tsquery)::int::bigint << {bit})" for bit in range(len(atoms))
    )
    held = bits or "0"
    with connection.cursor() as cursor:
        # A vector is unpacked once, not for each question about it. 32 is a rank below
        # one: how close all words stand, or how often some do in so long a text (1).
        cursor.execute(
            "SELECT id, kind, object_id, version, locale, boost,"  # noqa: S608
            " CASE WHEN vector @@ %s::tsquery THEN ts_rank_cd(vector, %s::tsquery, 32)"
            " ELSE ts_rank_cd(vector, %s::tsquery, 33) / 2 END,"
            f" {held}, {held} FROM"
            " (SELECT e.id, e.kind, e.object_id, e.version, e.locale, e.boost,"
            f" e.vector || ''::tsvector AS vector FROM ({union}) AS found (id)"
            " JOIN search_indexentry e USING (id) OFFSET 0) AS opened",
            [
                together,
                together,
                apart,
                *(rendered(query) for query in atoms),
                *(rendered(query, weight="A") for query in atoms),
            ],
        )
        rows = cursor.fetchall()
    objects: dict[tuple[str, int, str], _Candidate] = {}
    for pk, kind, object_id, version, locale, boost, rank, holds, title in rows:
        if preferred and locale not in (preferred, ""):
            boost *= OTHER_LANGUAGE
        one = objects.setdefault((kind, object_id, version), _Candidate(boost))
        one.boost = max(one.boost, boost)
        one.held |= holds
        one.in_title |= title
        one.parts.append((pk, rank, holds))
    return list(objects.values())


def _scored(objects: Sequence[_Candidate], question: SearchQuery) -> list[_Ranked]:
    weights = _weights(objects, question)
    whole = sum(weights) or 1.0
    found = []
    for one in objects:
        share = _sum(weights, one.held) / whole if weights else 1.0
        if share < LEAST_SHARE:
            continue
        pk, rank, _holds = max(
            one.parts, key=lambda part: (_sum(weights, part[2]), part[1], -part[0])
        )
        titled = _sum(weights, one.in_title) / whole
        score = share * (1 + IN_TITLE * titled + TOGETHER * rank) * one.boost
        found.append(_Ranked(score, pk, min(1.0, round(share, 6))))
    return sorted(found, key=lambda each: (each.rank, each.pk), reverse=True)


def _weights(objects: Sequence[_Candidate], question: SearchQuery) -> list[float]:
    """Return how much each atom says: the rarer among what was read, the more.

    What nothing holds says as much as the others do: nobody can tell.
    """
    holding = [
        sum(one.held >> bit & 1 for one in objects)
        for bit in range(len(question.atoms))
    ]
    rarities = [math.log(1 + len(objects) / count) if count else 0 for count in holding]
    known = [rarity for rarity in rarities if rarity]
    usual = sum(known) / len(known) if known else 1.0
    return [
        atom.weight * (rarity or usual)
        for atom, rarity in zip(question.atoms, rarities, strict=True)
    ]


def _sum(weights: Sequence[float], held: int) -> float:
    return sum(weight for bit, weight in enumerate(weights) if held >> bit & 1)


def _hits(shown: Sequence[_Ranked], question: SearchQuery) -> Iterator[Hit]:
    entries = IndexEntry.objects.in_bulk([each.pk for each in shown])
    for each in shown:
        # What was taken out of the index a moment ago is not shown.
        if entry := entries.get(each.pk):
            yield Hit(
                entry.kind,
                entry.object_id,
                _in_language(entry),
                entry.title,
                entry.heading,
                snippets.snippet(snippets.readable(entry.text), question.marked),
                entry.version,
                entry.locale,
                tuple(entry.labels),
                each.rank,
                each.share,
            )


def _in_language(entry: IndexEntry) -> str:
    """Return where what was found stands, in its language where the reader's differs.

    A page in another language has other headings, and so other places to open at.
    """
    if entry.locale in ("", get_language()):
        return entry.url
    page, sign, place = entry.url.partition("#")
    return f"{page}?lang={entry.locale}{sign}{place}"


def _write(last: _Ranked) -> str:
    return signing.dumps([last.rank, last.pk], salt=_SALT)


def _read(cursor: str) -> tuple[float, int]:
    try:
        rank, pk = signing.loads(cursor, salt=_SALT)
        return float(rank), int(pk)
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise BadCursor from error
