"""Keeping the index in step with what it points at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from search import text
from search.models import IndexEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One findable part. ``audience`` is ``public``, ``members`` or ``staff``."""

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


_COLUMNS = (
    "kind, object_id, part, url, title, heading, text, locale, version, audience,"
    " labels, boost, vector, indexed_at"
)


def index(entries: Iterable[Entry]) -> int:
    """Add entries or renew those that are there; return how many.

    Call it in the transaction of the change, so that nobody finds what they may
    no longer see.
    """
    rows = [_row(entry) for entry in entries]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO search_indexentry ({_COLUMNS})"  # noqa: S608 - a constant
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::tsvector, now())"
            " ON CONFLICT (kind, object_id, part, locale, version) DO UPDATE SET"
            " url = excluded.url, title = excluded.title, heading = excluded.heading,"
            " text = excluded.text, audience = excluded.audience,"
            " labels = excluded.labels, boost = excluded.boost,"
            " vector = excluded.vector, indexed_at = excluded.indexed_at",
            rows,
        )
    return len(rows)


@transaction.atomic
def replace(kind: str, object_id: int, entries: Sequence[Entry]) -> int:
    """Index ``entries`` as all the parts an object has now."""
    remove(kind, object_id)
    return index(entries)


def remove(kind: str, object_id: int) -> None:
    """Take an object with all its parts out of the index."""
    IndexEntry.objects.filter(kind=kind, object_id=object_id).delete()


def _row(entry: Entry) -> list[Any]:
    return [
        entry.kind,
        entry.object_id,
        entry.part,
        entry.url,
        entry.title[:300],
        entry.heading[:300],
        entry.text,
        entry.locale,
        entry.version,
        entry.audience,
        list(entry.labels),
        entry.boost,
        text.vector((entry.title, "A"), (entry.heading, "B"), (entry.text, "C")),
    ]
