"""Which events a question is about, and whose each is."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from analytics.engines.conditions import Sql, matches
from analytics.evaluation.calendar import offsets
from analytics.evaluation.moments import to_micros
from analytics.questions import Bucket, Segment, UnitKind


def zone() -> ZoneInfo:
    """Return the time zone in which days are cut."""
    return ZoneInfo(settings.REPORTING_TIME_ZONE)


def bucket_sql(moment: str, bucket: Bucket, start: datetime, end: datetime) -> str:
    """Return the first day of the bucket that a column of moments lies in."""
    changes = offsets(start, end, zone())
    cases = " ".join(
        f"WHEN {moment} >= {since} THEN {ahead}"
        for since, ahead in reversed(changes[1:])
    )
    ahead = f"CASE {cases} ELSE {changes[0][1]} END" if cases else str(changes[0][1])
    local = f"make_timestamp({moment} + {ahead})"
    return f"date_trunc('{bucket.value}', {local})::DATE"


def placed(
    unit: UnitKind,
    names: set[str] | None,
    since: int,
    until: int,
    segment: Segment | None = None,
) -> Sql:
    """Return the events of the units that figures count, with ``unit``.

    ``since`` is included, ``until`` is not, both in microseconds.
    """
    conditions = ["moment >= ?", "moment < ?"]
    values: list[Any] = [since, until]
    if names is not None:
        conditions.append(f"name IN ({', '.join('?' for _ in names)})")
        values += sorted(names)
    rows = Sql(f"SELECT * FROM events WHERE {' AND '.join(conditions)}", tuple(values))
    return placed_rows(unit, rows, segment)


def placed_rows(unit: UnitKind, rows: Sql, segment: Segment | None = None) -> Sql:
    """Return rows that have ``actor`` and ``organisation``, with their ``unit``."""
    seen = (
        "SELECT e.*, CASE WHEN e.actor > 0 THEN e.actor"
        " ELSE coalesce(l.user_id, e.actor) END AS person"
        f" FROM ({rows.text}) AS e LEFT JOIN links AS l ON l.actor = e.actor"
    )
    if unit == UnitKind.PERSON:
        whose, counted = "s.person", "s.person <> 0"
    else:
        whose = "coalesce(s.organisation, p.organisation)"
        counted = (
            f"{whose} IS NOT NULL"
            f" AND {whose} NOT IN (SELECT organisation FROM organisations)"
        )
    text = (
        f"SELECT s.*, {whose} AS unit FROM ({seen}) AS s"
        " LEFT JOIN people AS p ON p.user_id = s.person"
        f" WHERE coalesce(p.is_counted, true) AND {counted}"
    )
    if segment is None:
        return Sql(text, rows.values)
    members = members_of(segment)
    return Sql(
        f"SELECT m.* FROM ({text}) AS m WHERE m.unit IN ({members.text})",
        (*rows.values, *members.values),
    )


def members_of(segment: Segment) -> Sql:
    """Return a query of the units of a segment, in one pass over its events."""
    as_of = to_micros(segment.as_of)
    day = 86_400_000_000
    days = [rule.days for rule in segment.rules if rule.days is not None]
    since = as_of - day * max(days) if len(days) == len(segment.rules) else 0
    source = placed(
        segment.unit, {rule.step.event for rule in segment.rules}, since, as_of
    )
    parts, values = [], []
    for rule in segment.rules:
        found = matches(rule.step)
        values += list(found.values)
        recent = ""
        if rule.days:
            recent = " AND e.moment >= ?"
            values.append(as_of - day * rule.days)
        enough = f"count(*) FILTER ({found.text}{recent}) >= {rule.least}"
        parts.append(f"NOT ({enough})" if rule.is_negated else enough)
    joined = (" AND " if segment.matches_all else " OR ").join(parts)
    return Sql(
        f"SELECT e.unit FROM ({source.text}) AS e GROUP BY e.unit HAVING {joined}",
        (*source.values, *values),
    )
