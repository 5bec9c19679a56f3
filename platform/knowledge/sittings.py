"""What was read in one sitting, from the activity log. One statement, streamed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Any

from django.db import connection, transaction

# Who has not looked at anything for half an hour begins anew, as web analytics has it.
PAUSE = timedelta(minutes=30)
# A quarter: what people read before has been rewritten since.
MEMORY = timedelta(days=90)
# Rows fetched at a time, some hundred kilobytes.
_AT_ONCE = 5_000

_VIEWS = """
SELECT coalesce(event.user_id::text, link.user_id::text, event.visitor_id) AS reader,
       coalesce(event.user_id, link.user_id) AS person, event.occurred_at, event.subject
  FROM activity_event AS event
  LEFT JOIN activity_visitorlink AS link
    ON link.visitor_id = event.visitor_id AND event.user_id IS NULL
  LEFT JOIN accounts_user AS account
    ON account.id = coalesce(event.user_id, link.user_id)
 WHERE event.name = 'page_viewed' AND event.subject <> ''
   AND event.occurred_at >= %(since)s AND event.occurred_at < %(at)s
   AND (event.user_id IS NOT NULL OR event.visitor_id <> '')
   AND NOT coalesce(account.is_staff OR account.is_internal, false)
 ORDER BY reader, event.occurred_at, event.id
"""


@dataclass(frozen=True, slots=True)
class NodeReading:
    """One look at one node; ``node`` is its place in the list of nodes."""

    at: datetime
    node: int


@dataclass(frozen=True, slots=True)
class NodeReader:
    """Everything one person or browser read, in order; a browser has no ``person``."""

    person: int | None
    readings: tuple[NodeReading, ...]

    def sittings(self) -> Iterator[tuple[int, ...]]:
        """Yield the nodes of each sitting, the same one twice in a row once."""
        sitting: list[int] = []
        before: datetime | None = None
        for reading in self.readings:
            if before is not None and reading.at - before > PAUSE:
                yield tuple(sitting)
                sitting = []
            if not sitting or sitting[-1] != reading.node:
                sitting.append(reading.node)
            before = reading.at
        if sitting:
            yield tuple(sitting)


def read_readers(node_of: Mapping[str, int], at: datetime) -> Iterator[NodeReader]:
    """Yield each reader of the last 90 days; ``node_of`` maps subjects to nodes."""
    values = {"since": at - MEMORY, "at": at}
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Nobody waits for it; it sorts a quarter of page views.
            cursor.execute("SET LOCAL statement_timeout = 0")
        with connection.chunked_cursor() as cursor:
            cursor.execute(_VIEWS, values)
            batches = iter(lambda: cursor.fetchmany(_AT_ONCE), [])
            listed = chain.from_iterable(batches)
            for _reader, rows in groupby(listed, key=lambda row: row[0]):
                reader = _reader_of(rows, node_of)
                if reader.readings:
                    yield reader


def _reader_of(rows: Iterator[Any], node_of: Mapping[str, int]) -> NodeReader:
    listed = list(rows)
    readings = tuple(
        NodeReading(row[2], node_of[row[3]]) for row in listed if row[3] in node_of
    )
    return NodeReader(listed[0][1], readings)
