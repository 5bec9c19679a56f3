"""Keeping the index in step with what it points at."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from search import meaning, text
from search.models import IndexEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Findable:
    """One findable part. ``audience`` is ``public``, ``members`` or ``staff``.

    It is found by its title, too, unless that is only the name of what it is a part of
    (``is_titled``), and by ``words`` that are shown nowhere. ``asked`` are questions it
    answers, by which it is found and which are shown nowhere either.

    ``source`` is the Markdown to quote, where ``text`` was made readable. With
    ``has_meaning`` it is found by what it means, too, once a worker has embedded it.
    """

    kind: str
    object_id: int
    url: str
    title: str
    text: str
    part: int = 0
    heading: str = ""
    locale: str = ""
    version: str = ""
    audience: str = "public"
    labels: tuple[str, ...] = ()
    boost: float = 1.0
    source: str = ""
    has_meaning: bool = False
    is_titled: bool = True
    words: str = ""
    asked: tuple[str, ...] = ()


# "sear": a number no other advisory lock has.
_LOCK = 0x73656172
_COLUMNS = (
    "kind, object_id, part, url, title, heading, text, locale, version, audience,"
    " labels, boost, source, asked, digest, vector, indexed_at"
)


def index(entries: Iterable[Findable]) -> int:
    """Add entries or renew those that are there; return how many.

    Call it in the transaction of the change, so that nobody finds what they may
    no longer see.
    """
    rows = [_row(entry) for entry in entries]
    if not rows:
        return 0
    # Mostly part of a change that has a transaction; a savepoint would be of no use.
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        _wait_for_rebuild(cursor, {str(row[0]) for row in rows})
        cursor.executemany(
            f"INSERT INTO search_indexentry ({_COLUMNS})"  # noqa: S608 - a constant
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " %s::tsvector, now())"
            " ON CONFLICT (kind, object_id, part, locale, version) DO UPDATE SET"
            " url = excluded.url, title = excluded.title, heading = excluded.heading,"
            " text = excluded.text, audience = excluded.audience,"
            " labels = excluded.labels, boost = excluded.boost,"
            " source = excluded.source, asked = excluded.asked, digest = excluded.digest,"
            " vector = excluded.vector, indexed_at = excluded.indexed_at",
            rows,
        )
    return len(rows)


@transaction.atomic
def replace(kind: str, object_id: int, entries: Sequence[Findable]) -> int:
    """Index ``entries`` as all the parts an object has now."""
    remove(kind, object_id)
    return index(entries)


@transaction.atomic
def remove(kind: str, object_id: int, *, part: int | None = None) -> None:
    """Take an object with all its parts, or one part, out of the index."""
    with connection.cursor() as cursor:
        _wait_for_rebuild(cursor, {kind})
    entries = IndexEntry.objects.filter(kind=kind, object_id=object_id)
    if part is not None:
        entries = entries.filter(part=part)
    entries.delete()


@transaction.atomic
def retitle(kind: str, object_id: int, *, title: str, audience: str) -> None:
    """Let all parts of an object say its new title, and be found by its new audience.

    For parts that are not found by the title: their words stay as they are.
    """
    with connection.cursor() as cursor:
        _wait_for_rebuild(cursor, {kind})
    parts = IndexEntry.objects.filter(kind=kind, object_id=object_id)
    parts.update(title=title.replace("\0", "")[:300], audience=audience)


@transaction.atomic
def set_audience(kind: str, objects: QuerySet[Any], *, audience: str) -> int:
    """Let all parts of many objects be found by another audience; return how many.

    One statement, so that nobody finds a part of them for longer than the rest.
    """
    with connection.cursor() as cursor:
        _wait_for_rebuild(cursor, {kind})
    keys = objects.order_by().values("pk")
    parts = IndexEntry.objects.filter(kind=kind, object_id__in=keys)
    return parts.update(audience=audience)


@transaction.atomic
def rebuild(kind: str, entries: Callable[[], Iterable[Findable]]) -> int:
    """Index everything of ``kind`` again; readers see the old until it is done.

    Changes of that kind wait meanwhile: what is read here and written later would
    otherwise bring back what was hidden in between.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, kind])
    IndexEntry.objects.filter(kind=kind).delete()
    count = 0
    waiting: list[Findable] = []
    for entry in entries():
        waiting.append(entry)
        if len(waiting) == 500:
            count += index(waiting)
            waiting = []
    return count + index(waiting)


def _wait_for_rebuild(cursor: Any, kinds: set[str]) -> None:
    for kind in sorted(kinds):
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s, hashtext(%s))", [_LOCK, kind]
        )


def _row(entry: Findable) -> list[Any]:
    # PostgreSQL has no place for this one character.
    title, heading, body, source = (
        part.replace("\0", "")
        for part in (entry.title, entry.heading, entry.text, entry.source)
    )
    title, heading = title[:300], heading[:300]
    asked = [each.replace("\0", "") for each in entry.asked]
    texts = meaning.texts_of(title, heading, body, asked)
    digest = texts.digest if entry.has_meaning else ""
    return [
        entry.kind,
        entry.object_id,
        entry.part,
        entry.url,
        title,
        heading,
        body,
        entry.locale,
        entry.version,
        entry.audience,
        list(entry.labels),
        entry.boost,
        source,
        asked,
        digest,
        text.vector(
            (title if entry.is_titled else "", "A"),
            (heading, "B"),
            (body, "C"),
            (entry.words, "B"),
            ("\n".join(asked), "D"),
        ),
    ]
