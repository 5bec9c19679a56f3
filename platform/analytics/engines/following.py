"""Who came back, and what they did next."""

from collections import defaultdict
from datetime import date, datetime

from analytics.answers import CohortRow, Edge, PathsAnswer, RetentionAnswer
from analytics.engines.conditions import matches
from analytics.engines.overhearing import ColumnStore
from analytics.engines.placing import bucket_sql, placed, zone
from analytics.evaluation.calendar import begins, distance, following
from analytics.evaluation.moments import to_micros
from analytics.questions import Paths, Retention


def answer_retention(
    connection: ColumnStore, question: Retention, as_of: datetime | None
) -> RetentionAnswer:
    """Return the cohorts, the oldest first."""
    end = max(question.as_of, question.period.end)
    source = placed(
        question.unit,
        {question.begin.event, question.back.event},
        to_micros(question.period.start),
        to_micros(end),
        question.segment,
    )
    begin, back = matches(question.begin), matches(question.back)
    bucket = bucket_sql("moment", question.bucket, question.period.start, end)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE seen AS SELECT e.unit, e.moment,"
        f" ({begin.text} AND e.moment < ?) AS begins,"
        f" ({back.text} AND e.moment < ?) AS returns FROM ({source.text}) AS e",
        [
            *begin.values,
            to_micros(question.period.end),
            *back.values,
            to_micros(question.as_of),
            *source.values,
        ],
    )
    # One row for each unit and bucket, joined to one row for each unit.
    rows = connection.execute(
        f"""
        WITH begun AS (
            SELECT unit, {bucket} AS bucket FROM (
                SELECT unit, min(moment) AS moment FROM seen WHERE begins GROUP BY unit
            )
        ),
        returned AS (
            SELECT DISTINCT unit, {bucket} AS bucket FROM seen WHERE returns
        )
        SELECT begun.bucket, returned.bucket, count(*)
        FROM begun LEFT JOIN returned
          ON returned.unit = begun.unit AND returned.bucket > begun.bucket
        GROUP BY ALL
        UNION ALL SELECT bucket, bucket, count(*) FROM begun GROUP BY bucket
        """
    ).fetchall()
    sizes: dict[date, int] = {}
    counts: dict[tuple[date, int], int] = defaultdict(int)
    for begun, returned, count in rows:
        if returned == begun:
            sizes[begun] = count
        elif returned is not None:
            counts[begun, distance(begun, returned, question.bucket)] = count
    cohorts = tuple(
        CohortRow(
            begun,
            size,
            tuple(
                counts[begun, number] if _is_over(question, begun, number) else None
                for number in range(1, question.buckets + 1)
            ),
        )
        for begun, size in sorted(sizes.items())
    )
    return RetentionAnswer(cohorts, _pooled(cohorts, question.buckets), as_of)


def _is_over(question: Retention, begun: date, number: int) -> bool:
    after = following(begun, question.bucket, number + 1)
    return begins(after, zone()) <= question.as_of


def _pooled(cohorts: tuple[CohortRow, ...], buckets: int) -> tuple[float | None, ...]:
    found: list[float | None] = []
    for number in range(buckets):
        old_enough = [row for row in cohorts if row.back[number] is not None]
        size = sum(row.size for row in old_enough)
        back = sum(row.back[number] or 0 for row in old_enough)
        found.append(back / size if size else None)
    return tuple(found)


def answer_paths(
    connection: ColumnStore, question: Paths, as_of: datetime | None
) -> PathsAnswer:
    """Return how many went from what to what, the commonest first at each depth."""
    source = placed(
        question.unit,
        None,
        to_micros(question.period.start),
        to_micros(question.period.end),
        question.segment,
    )
    start = matches(question.start)
    rest = int(question.rest.total_seconds() * 1_000_000)
    rows = connection.execute(
        f"""
        WITH seen AS (
            SELECT e.unit, e.moment, e.id, {start.text} AS starts,
                   CASE WHEN e.name = 'page_viewed' AND e.path <> '' THEN e.path
                   ELSE e.name END AS label
            FROM ({source.text}) AS e
        ),
        ordered AS (
            SELECT *, lag(label) OVER way AS before, lag(moment) OVER way AS last,
                   sum(starts::INT) OVER way AS begun
            FROM seen WINDOW way AS (PARTITION BY unit ORDER BY moment, id)
        ),
        begun AS (
            SELECT *, starts AND begun = 1 AS is_first FROM ordered WHERE begun > 0
        ),
        unbroken AS (
            SELECT *, sum((NOT is_first AND moment - last > {rest})::INT) OVER
                   (PARTITION BY unit ORDER BY moment, id) AS rests
            FROM begun
        ),
        steps AS (
            SELECT unit, label,
                   row_number() OVER (PARTITION BY unit ORDER BY moment, id) AS depth
            FROM unbroken WHERE rests = 0 AND (is_first OR label <> before)
        ),
        edges AS (
            SELECT unit, depth, label AS source,
                   coalesce(lead(label) OVER (PARTITION BY unit ORDER BY depth), '')
                   AS target
            FROM steps WHERE depth <= {question.length}
        )
        SELECT depth, source, target, count(*) AS units FROM edges
        WHERE depth < {question.length}
        GROUP BY ALL ORDER BY depth, units DESC, source, target
        """,
        [*start.values, *source.values],
    ).fetchall()
    edges = tuple(Edge(*row) for row in rows)
    units = sum(edge.count for edge in edges if edge.depth == 1)
    return PathsAnswer(edges, units, as_of)
