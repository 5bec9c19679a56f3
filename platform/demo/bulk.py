"""The rows that are written in bulk: what was looked at, and who looked.

Everything else in the demo comes into being through a service. Of these there are too
many for one call each, and no rule is told again: a visit is a row of a log.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from activity.origin import Origin
from activity.services import NewEvent


@dataclass(frozen=True, slots=True)
class Stranger:
    """A browser nobody has signed in with."""

    visitor_id: str
    first_seen_at: datetime
    origin: Origin


def write_strangers(strangers: Iterable[Stranger]) -> None:
    """Write browsers as ``activity.services.record_visitor`` does one by one."""
    _copy(
        "activity_visitor",
        (
            *("id", "first_seen_at", "source", "medium", "campaign"),
            *("referrer", "landing_path"),
        ),
        (
            (
                *(each.visitor_id, each.first_seen_at, each.origin.source),
                *(each.origin.medium, each.origin.campaign),
                *(each.origin.referrer, each.origin.landing_path),
            )
            for each in strangers
        ),
    )


def write_log(events: Iterable[NewEvent]) -> None:
    """Append events to the log as ``activity.services.write_events`` does."""
    _copy(
        "activity_event",
        (
            *("occurred_at", "name", "visitor_id", "user_id", "organisation_id"),
            *("subject", "path", "source", "properties"),
        ),
        (
            (
                *(event.occurred_at, event.name, event.visitor_id, event.user_id),
                *(event.organisation_id, event.subject, event.path, event.source),
                json.dumps(event.properties),
            )
            for event in events
        ),
    )


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of plain values; table and columns are names of ours."""
    names = ", ".join(map(connection.ops.quote_name, columns))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
