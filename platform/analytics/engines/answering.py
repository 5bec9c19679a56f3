"""Questions as queries over the views ``events``, ``links``, ``people`` and so on.

A query reads the events of a few names in a few months, says whose each is, and gives
columns back; what one event follows another is found by ``analytics.evaluation``.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb
import numpy as np

from analytics.answers import (
    Answer,
    Division,
    FoundUnit,
    FunnelAnswer,
    PeopleAnswer,
    SegmentAnswer,
    StepAnswer,
)
from analytics.engines.conditions import Sql, mask_of, value_of
from analytics.engines.following import answer_paths, answer_retention
from analytics.engines.placing import members_of, placed
from analytics.engines.trends import answer_trend
from analytics.evaluation.funnel import Ints, Occurrences, Ways, find_ways
from analytics.evaluation.moments import from_micros, to_micros
from analytics.questions import (
    Funnel,
    Order,
    Paths,
    People,
    Question,
    Retention,
    Trend,
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
    if isinstance(question, Trend):
        return answer_trend(connection, question, as_of)
    if isinstance(question, Retention):
        return answer_retention(connection, question, as_of)
    if isinstance(question, Paths):
        return answer_paths(connection, question, as_of)
    members = members_of(question)
    (count,) = connection.execute(
        f"SELECT count(*) FROM ({members.text})", list(members.values)
    ).fetchone() or (0,)
    return SegmentAnswer(count, as_of)


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
        f" GROUP BY value ORDER BY count(DISTINCT unit) DESC, value",
        [*source.values, *mask.values],
        # DuckDB 2.0.1 forgets a LIMIT above a join with an empty table.
    ).fetchmany(MOST_VALUES)
    return [value for (value,) in rows]
