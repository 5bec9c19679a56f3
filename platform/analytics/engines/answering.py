"""Questions as queries over the views ``events``, ``links``, ``people`` and so on.

A query reads the events of a few names in a few months, says whose each is, and gives
columns back; what one event follows another is found by ``analytics.evaluation``.
"""

from datetime import datetime

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
from analytics.engines.collecting import occurrences
from analytics.engines.conditions import value_of
from analytics.engines.following import answer_paths, answer_retention
from analytics.engines.overhearing import ColumnStore
from analytics.engines.placing import members_of
from analytics.engines.trends import answer_trend
from analytics.evaluation.funnel import Ints, Ways, find_ways
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


def answer(
    connection: ColumnStore,
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
    connection: ColumnStore, funnel: Funnel, as_of: datetime | None
) -> FunnelAnswer:
    ways = ways_of(connection, funnel)
    values, numbers = named_values(connection, funnel, ways)
    divisions = []
    if funnel.breakdown:
        named: list[str | None] = [*values, None]
        for number, value in enumerate(named):
            chosen = numbers == number
            if chosen.any():
                steps = _steps(funnel, ways.reached[chosen], ways.moments[chosen])
                divisions.append(Division(value, steps))
    return FunnelAnswer(
        steps=_steps(funnel, ways.reached, ways.moments),
        divisions=tuple(divisions),
        as_of=as_of,
    )


def _people(
    connection: ColumnStore, question: People, as_of: datetime | None
) -> PeopleAnswer:
    ways = ways_of(connection, question.funnel)
    if question.is_exact:
        chosen = ways.reached == question.reached
    else:
        chosen = ways.reached >= question.reached
    if question.funnel.breakdown and question.value is not None:
        values, numbers = named_values(connection, question.funnel, ways)
        named = values.index(question.value) if question.value in values else -1
        chosen &= numbers == named
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


def ways_of(connection: ColumnStore, funnel: Funnel) -> Ways:
    """Find the way of every unit, so many rows at a time."""
    found = [find_ways(funnel, hits) for hits in occurrences(connection, funnel)]
    return Ways(
        **{
            name: np.concatenate([getattr(each, name) for each in found])
            for name in Ways.__slots__
        }
    )


def named_values(
    connection: ColumnStore, funnel: Funnel, ways: Ways
) -> tuple[list[str], Ints]:
    """Return the commonest values of the breakdown, and the number of each way's.

    A way has the value of its entering event; those that are not named have the number
    after the last. Read after the walk, of one event for each unit.
    """
    if not funnel.breakdown or not len(ways.unit):
        return [], np.zeros(len(ways.unit), dtype=np.int64)
    number = np.arange(len(ways.unit))
    connection.register(
        "walked", {"number": number, "moment": ways.moments[:, 0], "id": ways.entry}
    )
    entering = funnel.steps if funnel.order == Order.UNORDERED else funnel.steps[:1]
    names = sorted({step.event for step in entering})
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE valued AS"
        f" SELECT w.number, coalesce({value_of(funnel.breakdown)}, '') AS value"
        " FROM events AS e JOIN walked AS w ON w.id = e.id AND w.moment = e.moment"
        f" WHERE e.name IN ({', '.join('?' for _ in names)})"
        " AND e.moment >= ? AND e.moment < ?",
        [*names, to_micros(funnel.period.start), to_micros(funnel.period.end)],
    )
    rows = connection.execute(
        "SELECT value FROM valued GROUP BY value ORDER BY count(*) DESC, value"
    ).fetchmany(MOST_VALUES)
    values = [value for (value,) in rows]
    cases = " ".join(f"WHEN ? THEN {place}" for place in range(len(values)))
    columns = connection.execute(
        f"SELECT number, (CASE value {cases} ELSE {len(values)} END)::BIGINT AS value"
        " FROM valued",
        values,
    ).fetchnumpy()
    found = np.full(len(ways.unit), len(values), dtype=np.int64)
    found[np.asarray(columns["number"])] = np.asarray(columns["value"])
    return values, found
