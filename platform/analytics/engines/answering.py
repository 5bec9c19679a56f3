"""Questions as queries over the views ``events``, ``links``, ``people`` and so on.

A query reads the events of a few names in a few months, says whose each is, and gives
columns back; what one event follows another is found by ``analytics.evaluation``.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from analytics.answers import (
    Answer,
    Division,
    FoundUnit,
    FunnelAnswer,
    PeopleAnswer,
    StepAnswer,
)
from analytics.engines.conditions import Sql, mask_of, matches, value_of
from analytics.evaluation.funnel import Ints, Occurrences, Ways, find_ways
from analytics.evaluation.moments import from_micros, to_micros
from analytics.questions import (
    Funnel,
    Order,
    People,
    Question,
    Segment,
    UnitKind,
)

# More values of a breakdown are lines nobody tells apart; the rest is "others".
MOST_VALUES = 10
# Rows held as columns at a time, about 100 bytes each while they are sorted.
ROWS_AT_ONCE = 1_500_000


def answer(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    as_of: datetime | None,
) -> Answer:
    """Return the answer from the views of ``connection``."""
    if isinstance(question, Funnel):
        return _funnel(connection, question, as_of)
    if isinstance(question, People):
        return _people(connection, question, as_of)
    raise NotImplementedError(type(question).__name__)


def _funnel(
    connection: duckdb.DuckDBPyConnection, funnel: Funnel, as_of: datetime | None
) -> FunnelAnswer:
    values = values_of(connection, funnel)
    ways = ways_of(connection, funnel, values)
    divisions = []
    if funnel.breakdown:
        named: list[str | None] = [*values, None]
        for number, value in enumerate(named):
            chosen = ways.value == number
            if chosen.any():
                steps = _steps(funnel, ways.reached[chosen], ways.moments[chosen])
                divisions.append(Division(value, steps))
    return FunnelAnswer(
        steps=_steps(funnel, ways.reached, ways.moments),
        divisions=tuple(divisions),
        as_of=as_of,
    )


def _people(
    connection: duckdb.DuckDBPyConnection, question: People, as_of: datetime | None
) -> PeopleAnswer:
    values = values_of(connection, question.funnel)
    ways = ways_of(connection, question.funnel, values)
    if question.is_exact:
        chosen = ways.reached == question.reached
    else:
        chosen = ways.reached >= question.reached
    if question.funnel.breakdown and question.value is not None:
        named = values.index(question.value) if question.value in values else -1
        chosen &= ways.value == named
    total = int(chosen.sum())
    # Those with an account, whose ids are above 0, before browsers nobody knows.
    if question.after is not None:
        chosen &= ways.unit < question.after
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(-ways.unit[rows], kind="stable")]
    shown = rows[: question.most]
    units = tuple(
        FoundUnit(
            id=int(ways.unit[row]),
            reached=int(ways.reached[row]),
            entered_at=from_micros(int(ways.moments[row, 0])),
            reached_at=from_micros(int(ways.moments[row, int(ways.reached[row]) - 1])),
        )
        for row in shown
    )
    has_more = len(rows) > len(shown)
    return PeopleAnswer(
        units=units,
        next_after=units[-1].id if has_more and units else None,
        total=total,
        as_of=as_of,
    )


def _steps(funnel: Funnel, reached: Ints, moments: Ints) -> tuple[StepAnswer, ...]:
    found = [StepAnswer(len(reached))]
    for step in range(1, len(funnel.steps)):
        came = reached > step
        spans = (moments[came, step] - moments[came, step - 1]) / 1_000_000
        if not len(spans):
            found.append(StepAnswer(0))
            continue
        median, slow = np.percentile(spans, (50, 90))
        found.append(StepAnswer(len(spans), float(median), float(slow)))
    return tuple(found)


def ways_of(
    connection: duckdb.DuckDBPyConnection, funnel: Funnel, values: Sequence[str]
) -> Ways:
    """Find the way of every unit, so many rows at a time."""
    found = [find_ways(funnel, hits) for hits in _hits(connection, funnel, values)]
    return Ways(
        unit=np.concatenate([each.unit for each in found]),
        reached=np.concatenate([each.reached for each in found]),
        moments=np.concatenate([each.moments for each in found]),
        value=np.concatenate([each.value for each in found]),
    )


def _hits(
    connection: duckdb.DuckDBPyConnection, funnel: Funnel, values: Sequence[str]
) -> Iterator[Occurrences]:
    steps = [*funnel.steps, *(each.step for each in funnel.exclusions)]
    mask = mask_of(steps)
    held = Sql("0")
    if funnel.hold:
        value = value_of(funnel.hold)
        # A number that stands for the text, one bit less than DuckDB's: never -1.
        held = Sql(f"CASE WHEN {value} IS NULL THEN -1 ELSE hash({value}) >> 1 END")
    division = Sql("0")
    if funnel.breakdown:
        cases = " ".join(f"WHEN ? THEN {number}" for number in range(len(values)))
        value = f"coalesce({value_of(funnel.breakdown)}, '')"
        others = len(values)
        division = Sql(
            f"CASE {value} {cases} ELSE {others} END" if cases else f"{others}",
            tuple(values),
        )
    # In strict order any event in between counts, whatever its name.
    names = None if funnel.order == Order.STRICT else {step.event for step in steps}
    source = placed(
        funnel.unit,
        names,
        to_micros(funnel.period.start),
        to_micros(funnel.period.end + funnel.window) + 1,
        funnel.segment,
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE hits AS "
        f"SELECT unit, moment, id, {mask.text}::BIGINT AS mask,"
        f" {held.text}::BIGINT AS held, ({division.text})::BIGINT AS value"
        f" FROM ({source.text}) AS e",
        [*mask.values, *held.values, *division.values, *source.values],
    )
    (count,) = connection.execute("SELECT count(*) FROM hits").fetchone() or (0,)
    shares = count // ROWS_AT_ONCE + 1
    for share in range(shares):
        columns = connection.execute(
            "SELECT unit, moment, id, mask, held, value FROM hits"
            " WHERE abs(unit) % $1 = $2",
            [shares, share],
        ).fetchnumpy()
        yield Occurrences(
            **{name: np.asarray(columns[name]) for name in Occurrences.__slots__}
        )


def values_of(connection: duckdb.DuckDBPyConnection, funnel: Funnel) -> list[str]:
    """Return the commonest values of the breakdown among entering events."""
    if not funnel.breakdown:
        return []
    entering = funnel.steps if funnel.order == Order.UNORDERED else funnel.steps[:1]
    source = placed(
        funnel.unit,
        {step.event for step in entering},
        to_micros(funnel.period.start),
        to_micros(funnel.period.end),
        funnel.segment,
    )
    mask = mask_of(entering)
    rows = connection.execute(
        f"SELECT coalesce({value_of(funnel.breakdown)}, '') AS value"
        f" FROM ({source.text}) AS e WHERE {mask.text} > 0"
        f" GROUP BY value ORDER BY count(DISTINCT unit) DESC, value LIMIT {MOST_VALUES}",
        [*source.values, *mask.values],
    ).fetchall()
    return [value for (value,) in rows]


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
    seen = (
        "SELECT e.*, CASE WHEN e.actor > 0 THEN e.actor"
        " ELSE coalesce(l.user_id, e.actor) END AS person"
        f" FROM (SELECT * FROM events WHERE {' AND '.join(conditions)}) AS e"
        " LEFT JOIN links AS l ON l.actor = e.actor"
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
        return Sql(text, tuple(values))
    members = members_of(segment)
    return Sql(
        f"SELECT m.* FROM ({text}) AS m WHERE m.unit IN ({members.text})",
        (*values, *members.values),
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
