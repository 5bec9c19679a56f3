"""From the log to the read side: in the order of insertion, up to what is finished.

An event's id says when it was numbered, not when it was committed: one that took its
number first may be seen last. So every event carries the transaction that wrote it
(``recorded_in``), and only those are taken whose transactions are all over.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from analytics.dictionary import dictionary
from analytics.engines import engine
from analytics.engines.protocol import Batch, Dimensions, Position, QuestionEngine

logger = logging.getLogger(__name__)

# "feed": a number no other advisory lock has.
_LOCK = 0x66656564
# Some 60 MB as CSV; a batch is all that is lost when the feed is killed.
BATCH = 200_000
# An actor is a person (above 0), a browser (below 0) or unknown (0). Of a browser's id
# 60 bits are enough: among 10 million browsers two meet with a chance of 1 in 20,000.
_ACTOR = (
    "CASE WHEN {user} IS NOT NULL THEN {user} WHEN {visitor} <> '' THEN"
    " -(('x' || left(md5({visitor}), 15))::bit(60)::bigint) - 1 ELSE 0 END"
)
_EVENTS = f"""
SELECT id, (extract(epoch FROM occurred_at) * 1000000)::bigint, name,
       {_ACTOR.format(user="user_id", visitor="visitor_id")},
       organisation_id, subject, path, source, properties::text
FROM activity_event
"""
_LINKS = f"""
SELECT {_ACTOR.format(user="NULL::bigint", visitor="visitor_id")}, user_id
FROM activity_visitorlink
"""
# Staff, test people and deactivated accounts are no customers. A person is put
# down to the team they joined first, else to their own organisation.
_COUNTED = "(u.is_active AND NOT u.is_staff AND NOT u.is_internal)"
_PEOPLE = f"""
SELECT u.id, {_COUNTED}, m.organisation_id
FROM accounts_user u LEFT JOIN LATERAL (
    SELECT m.organisation_id FROM accounts_membership m
    JOIN accounts_organisation o ON o.id = m.organisation_id
    WHERE m.user_id = u.id ORDER BY o.kind = 'team' DESC, m.created_at, m.id LIMIT 1
) m ON true
"""
_UNCOUNTED_ORGANISATIONS = f"""
SELECT m.organisation_id FROM accounts_membership m
JOIN accounts_user u ON u.id = m.user_id
GROUP BY m.organisation_id HAVING NOT bool_or({_COUNTED})
"""
# What changes whenever one of the three above does.
_STAMP = f"""
SELECT (SELECT concat(count(*), ':', max(linked_at)) FROM activity_visitorlink),
       (SELECT concat(count(*), ':', max(id), ':', count(*) FILTER (WHERE {_COUNTED}),
                      ':', sum(id) FILTER (WHERE {_COUNTED})) FROM accounts_user u),
       (SELECT concat(count(*), ':', max(id), ':', sum(id), ':', sum(user_id),
                      ':', sum(organisation_id)) FROM accounts_membership)
"""


@dataclass(frozen=True, slots=True)
class Fed:
    """What one run did. ``is_complete`` tells that nothing was left."""

    rows: int
    admitted: int
    is_complete: bool


@contextmanager
def sole_writer() -> Iterator[bool]:
    """Keep other writers out; yields False when there is one already."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        (is_ours,) = cursor.fetchone()
    try:
        yield bool(is_ours)
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def feed(*, batch_rows: int = BATCH, most_batches: int | None = None) -> Fed | None:
    """Bring the read side up to the log; ``None`` when another writer is at it.

    A read side that was wiped is built again by the same way: it stands at the
    beginning. ``most_batches`` ends a run early, for the next one to go on.
    """
    with sole_writer() as is_ours:
        if not is_ours:
            return None
        keeper = engine()
        known = dictionary()
        admitted = keeper.admit(known)
        _follow_restored_log(keeper)
        _learn(keeper)
        rows = batches = 0
        while most_batches is None or batches < most_batches:
            started = timezone.now()
            horizon = _horizon()
            with tempfile.TemporaryDirectory(prefix="feed") as folder:
                batch = _next_batch(
                    keeper.state().position, horizon, Path(folder), batch_rows
                )
                if batch is None:
                    is_complete = not _has_later(horizon)
                    if is_complete:
                        keeper.complete(started)
                    return Fed(rows, admitted, is_complete)
                keeper.feed(batch, known)
            rows += batch.rows
            batches += 1
        return Fed(rows, admitted, is_complete=False)


def rebuild() -> Fed | None:
    """Forget the read side and build it again from the log."""
    with sole_writer() as is_ours:
        if not is_ours:
            return None
        engine().wipe()
    return feed()


def _horizon() -> int:
    """Return the oldest transaction that may still write an event here.

    One that is known to be in another database of the same server does not count.
    Of what is not known for sure is assumed that it may.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH now AS (SELECT pg_current_snapshot() AS snapshot),
            elsewhere AS (
                SELECT l.transactionid::text::bigint AS id
                FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                WHERE l.locktype = 'transactionid' AND l.granted
                  AND l.mode = 'ExclusiveLock'
                  AND a.datname <> current_database()
            ),
            running AS (
                SELECT pg_snapshot_xip(snapshot)::text::bigint AS id FROM now
            )
            SELECT coalesce(
                (SELECT min(id) FROM running
                 WHERE id % 4294967296 NOT IN (SELECT id FROM elsewhere)),
                (SELECT pg_snapshot_xmax(snapshot)::text::bigint FROM now)
            )
            """
        )
        (horizon,) = cursor.fetchone()
    return int(horizon)


def _next_batch(
    position: Position, horizon: int, folder: Path, rows: int
) -> Batch | None:
    """Export the next events and return them; ``None`` when there are none."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT recorded_in::text::bigint, id, number FROM (
                SELECT recorded_in, id, row_number() OVER () AS number FROM (
                    SELECT recorded_in, id FROM activity_event
                    WHERE (recorded_in, id) > (%s::xid8, %s) AND recorded_in < %s::xid8
                    ORDER BY recorded_in, id LIMIT %s
                ) AS following
            ) AS numbered ORDER BY number DESC LIMIT 1
            """,
            [str(position.transaction), position.event, str(horizon), rows],
        )
        last = cursor.fetchone()
        if last is None:
            return None
        transaction, event, count = last
        file = folder / "events.csv"
        query = (
            f"COPY ({_EVENTS} WHERE (recorded_in, id) > (%s::xid8, %s)"
            " AND (recorded_in, id) <= (%s::xid8, %s)) TO STDOUT (FORMAT csv)"
        )
        values = [str(position.transaction), position.event, str(transaction), event]
        _copy(query, values, file)
    return Batch(file, position, Position(transaction, event), count)


def _has_later(horizon: int) -> bool:
    """Tell whether an event can be seen that has to wait for an older transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM activity_event WHERE recorded_in >= %s::xid8)",
            [str(horizon)],
        )
        (found,) = cursor.fetchone()
    return bool(found)


def _follow_restored_log(keeper: QuestionEngine) -> None:
    """Begin again when the log is not the one that was fed: a backup was restored.

    On another server its transactions may have numbers above those to come. They get
    one of this server's, or what is written from now on would seem to be older.
    """
    position = keeper.state().position
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM activity_event WHERE recorded_in"
            " >= (SELECT pg_snapshot_xmax(pg_current_snapshot()))),"
            " EXISTS (SELECT 1 FROM activity_event"
            " WHERE recorded_in = %s::xid8 AND id = %s)",
            [str(position.transaction), position.event],
        )
        is_foreign, is_known = cursor.fetchone()
        if is_foreign:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(
                "UPDATE activity_event SET recorded_in = pg_current_xact_id()"
                " WHERE recorded_in > pg_current_xact_id()"
            )
    if is_foreign or (position != Position() and not is_known):
        logger.warning("analytics.another_log", extra={"renumbered": is_foreign})
        keeper.wipe()


def _learn(keeper: QuestionEngine) -> None:
    """Tell who is behind the events, when that has changed."""
    with connection.cursor() as cursor:
        cursor.execute(_STAMP)
        stamp = sha256(repr(cursor.fetchone()).encode()).hexdigest()[:16]
    if stamp == keeper.state().stamp:
        return
    with tempfile.TemporaryDirectory(prefix="feed") as folder:
        dimensions = Dimensions(
            links=Path(folder) / "links.csv",
            people=Path(folder) / "people.csv",
            organisations=Path(folder) / "organisations.csv",
            stamp=stamp,
        )
        for query, file in (
            (_LINKS, dimensions.links),
            (_PEOPLE, dimensions.people),
            (_UNCOUNTED_ORGANISATIONS, dimensions.organisations),
        ):
            _copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", [], file)
        keeper.learn(dimensions)


def _copy(query: str, values: list[object], file: Path) -> None:
    with (
        connection.cursor() as cursor,
        file.open("wb") as target,
        cursor.copy(query, values or None) as rows,
    ):
        for chunk in rows:
            target.write(chunk)


def lag_of(complete_at: datetime | None) -> float | None:
    """Return for how many seconds the read side has not had everything."""
    if complete_at is None:
        return None
    return max((timezone.now() - complete_at).total_seconds(), 0.0)
