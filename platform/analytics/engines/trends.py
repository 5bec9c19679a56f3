"""Series over time."""

from collections.abc import Sequence
from datetime import date, datetime

from analytics.answers import TrendAnswer, TrendLine
from analytics.engines.conditions import Sql, matches, value_of
from analytics.engines.overhearing import ColumnStore
from analytics.engines.placing import bucket_sql, placed, zone
from analytics.evaluation.calendar import buckets_of
from analytics.evaluation.moments import to_micros
from analytics.evaluation.series import combined, moving_average
from analytics.questions import Series, SeriesMeasure, Trend

# As many lines as a chart's colours tell apart; the rest is "others".
MOST_LINES = 5


def answer_trend(
    connection: ColumnStore, trend: Trend, as_of: datetime | None
) -> TrendAnswer:
    """Return every series by bucket; a bucket without events is 0, not missing."""
    days = buckets_of(trend.period, trend.bucket, zone())
    if trend.breakdown:
        lines = _divided(connection, trend, days)
    else:
        lines = [
            _line(trend, None, _by_bucket(connection, trend, series, days))
            for series in trend.series
        ]
    formula = None
    if trend.formula:
        values = combined(trend.formula, lines[0].values, lines[1].values)
        formula = _line(trend, trend.formula.value, values)
    return TrendAnswer(tuple(days), tuple(lines), formula, as_of)


def _line(trend: Trend, label: str | None, values: Sequence[float | None]) -> TrendLine:
    averages = moving_average(values, trend.average)
    return TrendLine(label, tuple(values), tuple(averages))


def _by_bucket(
    connection: ColumnStore,
    trend: Trend,
    series: Series,
    days: Sequence[date],
) -> list[float]:
    source, found = _source(trend, series)
    rows = connection.execute(
        f"SELECT {_bucket(trend)} AS bucket, {_sum(series)}"
        f" FROM ({source.text}) AS e WHERE {found.text} GROUP BY bucket",
        [*source.values, *found.values],
    ).fetchall()
    values = {day: float(value or 0) for day, value in rows}
    return [values.get(day, 0.0) for day in days]


def _divided(
    connection: ColumnStore, trend: Trend, days: Sequence[date]
) -> list[TrendLine]:
    """Return a line for each of the commonest values, and one for all others."""
    (series,) = trend.series
    source, found = _source(trend, series)
    value = f"coalesce({value_of(trend.breakdown)}, '')"
    named = [
        name
        for (name,) in connection.execute(
            f"SELECT {value} AS value FROM ({source.text}) AS e WHERE {found.text}"
            f" GROUP BY value ORDER BY {_sum(series)} DESC NULLS LAST, value",
            [*source.values, *found.values],
            # DuckDB 2.0.1 forgets a LIMIT above a join with an empty table.
        ).fetchmany(MOST_LINES)
    ]
    listed = ", ".join("?" for _ in named) or "NULL"
    rows = connection.execute(
        f"SELECT CASE WHEN {value} IN ({listed}) THEN {value} END AS value,"
        f" {_bucket(trend)} AS bucket, {_sum(series)}"
        f" FROM ({source.text}) AS e WHERE {found.text} GROUP BY value, bucket",
        [*named, *source.values, *found.values],
    ).fetchall()
    values = {(name, day): float(amount or 0) for name, day, amount in rows}
    labels: list[str | None] = [*named]
    if any(name is None for name, _day in values):
        labels.append(None)
    return [
        _line(trend, label, [values.get((label, day), 0.0) for day in days])
        for label in labels
    ]


def _source(trend: Trend, series: Series) -> tuple[Sql, Sql]:
    source = placed(
        trend.unit,
        {series.step.event},
        to_micros(trend.period.start),
        to_micros(trend.period.end),
        trend.segment,
    )
    return source, matches(series.step)


def _bucket(trend: Trend) -> str:
    return bucket_sql("e.moment", trend.bucket, trend.period.start, trend.period.end)


def _sum(series: Series) -> str:
    if series.measure == SeriesMeasure.EVENTS:
        return "count(*)"
    if series.measure == SeriesMeasure.UNITS:
        return "count(DISTINCT e.unit)"
    # Amounts are whole numbers: a sum of fractions of two would depend on its order.
    return f"sum(TRY_CAST({value_of(series.of)} AS DECIMAL(38, 6)))"
