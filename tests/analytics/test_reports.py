"""Trends, retention, paths and segments against loops, across a change of clocks."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from analytics.answers import (
    PathsAnswer,
    RetentionAnswer,
    SegmentAnswer,
    TrendAnswer,
)
from analytics.engines.answering import answer
from analytics.evaluation.series import combined, moving_average
from analytics.questions import (
    Bucket,
    EventPattern,
    Formula,
    Paths,
    Question,
    Retention,
    Rule,
    Segment,
    Series,
    SeriesMeasure,
    Span,
    Trend,
)
from tests.analytics import brute_reports as brute
from tests.analytics.brute import Done, text_of
from tests.analytics.conftest import put
from tests.analytics.random_logs import LOGS, NAMES, random_step

# Clocks go forward there on 8 March 2026, at 02:00.
ZONE = ZoneInfo("America/New_York")
START = datetime(2026, 2, 20, tzinfo=ZONE)
# Each of them costs some queries; a fifth of the funnels' are enough to miss nothing.
LOGS_EACH = LOGS // 4


@pytest.fixture(autouse=True)
def _new_york(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = ZONE.key


def random_log(rng: random.Random) -> list[Done]:
    """Return events of thirty days, many close to midnight and to each other."""
    ids = rng.sample(range(1, 10_000), rng.randint(0, 80))
    return [
        Done(
            unit=rng.choice((1, 2, 3, 4, -7)),
            at=START
            + timedelta(days=rng.randint(0, 29), minutes=rng.choice((0, 1, 30, 1439))),
            id=number,
            name=rng.choice((*NAMES, "page_viewed")),
            properties={
                "path": rng.choice(("/", "/docs/", "")),
                "plan": rng.choice(("p", "q", "r")),
                "count": rng.choice((1, 2.5, "p", 7)),
            },
        )
        for number in ids
    ]


def random_span(rng: random.Random) -> Span:
    start = START + timedelta(days=rng.randint(0, 20), hours=rng.choice((0, 5)))
    return Span(start, start + timedelta(days=rng.randint(1, 15)))


def ask(store: duckdb.DuckDBPyConnection, question: Question) -> Any:
    return answer(store, question, None)


def test_every_point_of_a_trend_is_the_one_that_loops_count(
    store: duckdb.DuckDBPyConnection,
) -> None:
    rng = random.Random("trends")  # noqa: S311 - a seed, no secret
    counted = 0.0

    for _ in range(LOGS_EACH):
        log = random_log(rng)
        put(store, log)
        series = Series(random_step(rng), rng.choice(list(SeriesMeasure)), "count")
        trend = Trend(
            series=(series,), period=random_span(rng), bucket=rng.choice(list(Bucket))
        )
        expected = brute.trend_of(trend, series, log, ZONE)

        found = ask(store, trend)

        assert isinstance(found, TrendAnswer)
        pairs = list(zip(found.buckets, found.lines[0].values, strict=True))
        assert pairs == expected, trend
        counted += sum(value for _day, value in expected)
    assert counted > LOGS_EACH


def test_the_lines_of_a_breakdown_are_those_of_each_value(
    store: duckdb.DuckDBPyConnection,
) -> None:
    rng = random.Random("breakdowns")  # noqa: S311 - a seed, no secret

    for _ in range(LOGS_EACH // 2):
        log = random_log(rng)
        put(store, log)
        series = Series(EventPattern("a"), SeriesMeasure.UNITS)
        trend = Trend(series=(series,), period=random_span(rng), breakdown="plan")

        found = ask(store, trend)

        inside = brute.inside(log, trend.period, series.step)
        assert {line.label for line in found.lines} == {
            text_of(event, "plan") for event in inside
        }
        for line in found.lines:
            own = [event for event in log if text_of(event, "plan") == line.label]
            expected = brute.trend_of(trend, series, own, ZONE)
            assert list(line.values) == [value for _day, value in expected]


def test_more_values_than_lines_are_put_together(
    store: duckdb.DuckDBPyConnection,
) -> None:
    put(
        store,
        [
            Done(number, START, number, "a", {"plan": f"p{number % 7}"})
            for number in range(1, 22)
        ],
    )
    series = Series(EventPattern("a"), SeriesMeasure.EVENTS)
    span = Span(START, START + timedelta(days=1))

    found = ask(store, Trend(series=(series,), period=span, breakdown="plan"))

    assert [(line.label, line.values) for line in found.lines] == [
        *((f"p{number}", (3.0,)) for number in range(5)),
        (None, (6.0,)),
    ]


def test_formulas_and_averages_have_no_value_where_there_is_none() -> None:
    assert combined(Formula.RATIO, [1, 3, None], [2, 0, 1]) == [0.5, None, None]
    assert combined(Formula.SUM, [1, 3], [2, 0]) == [3, 3]
    assert combined(Formula.DIFFERENCE, [1, 3], [2, 0]) == [-1, 3]
    assert moving_average([3, 6, 0, 9], 3) == [None, None, 3, 5]
    assert moving_average([3, None, 0, 9, 3], 2) == [None, None, None, 4.5, 6]
    assert moving_average([3, 6], 1) == [3, 6]


def test_a_ratio_of_two_series_comes_with_the_answer(
    store: duckdb.DuckDBPyConnection,
) -> None:
    put(store, [Done(1, START, 1, "a"), Done(2, START, 2, "a"), Done(1, START, 3, "b")])
    trend = Trend(
        series=(Series(EventPattern("b")), Series(EventPattern("a"))),
        period=Span(START, START + timedelta(days=2)),
        formula=Formula.RATIO,
        average=2,
    )

    found = ask(store, trend)

    assert found.formula.values == (0.5, None)
    assert found.lines[1].averages == (None, 1.0)


def test_every_cohort_is_the_one_that_loops_count(
    store: duckdb.DuckDBPyConnection,
) -> None:
    rng = random.Random("retention")  # noqa: S311 - a seed, no secret
    came_back = 0

    for _ in range(LOGS_EACH):
        log = random_log(rng)
        put(store, log)
        span = random_span(rng)
        question = Retention(
            begin=EventPattern(rng.choice(NAMES)),
            back=random_step(rng),
            period=span,
            as_of=span.start + timedelta(days=rng.randint(5, 60)),
            bucket=rng.choice(list(Bucket)),
            buckets=rng.randint(1, 5),
        )
        expected = brute.retention_of(question, log, ZONE)

        found = ask(store, question)

        assert isinstance(found, RetentionAnswer)
        assert {
            row.begun: (row.size, list(row.back)) for row in found.cohorts
        } == expected, question
        assert [row.begun for row in found.cohorts] == sorted(expected)
        came_back += sum(
            count or 0 for _size, counts in expected.values() for count in counts
        )
    assert came_back > LOGS_EACH / 2


def test_a_pooled_share_is_weighted_and_over_cohorts_that_are_old_enough(
    store: duckdb.DuckDBPyConnection,
) -> None:
    day = timedelta(days=1)
    monday = datetime(2026, 2, 2, tzinfo=ZONE)
    put(
        store,
        [
            *(Done(unit, monday, unit, "a") for unit in (1, 2, 3)),
            Done(1, monday + day, 11, "b"),
            Done(4, monday + day, 12, "a"),
            Done(4, monday + 2 * day, 13, "b"),
            Done(2, monday + 2 * day, 14, "b"),
        ],
    )
    question = Retention(
        begin=EventPattern("a"),
        back=EventPattern("b"),
        period=Span(monday, monday + 2 * day),
        as_of=monday + 3 * day,
        bucket=Bucket.DAY,
        buckets=3,
    )

    found = ask(store, question)

    assert [(row.begun, row.size, row.back) for row in found.cohorts] == [
        (date(2026, 2, 2), 3, (1, 1, None)),
        (date(2026, 2, 3), 1, (1, None, None)),
    ]
    assert found.pooled == (2 / 4, 1 / 3, None)


def test_every_path_is_the_one_that_loops_follow(
    store: duckdb.DuckDBPyConnection,
) -> None:
    rng = random.Random("paths")  # noqa: S311 - a seed, no secret
    followed = 0

    for _ in range(LOGS_EACH):
        log = random_log(rng)
        put(store, log)
        question = Paths(
            start=random_step(rng),
            period=random_span(rng),
            length=rng.randint(2, 5),
            rest=rng.choice(
                (timedelta(minutes=30), timedelta(days=1), timedelta(days=9))
            ),
        )
        expected = brute.paths_of(question, log)

        found = ask(store, question)

        assert isinstance(found, PathsAnswer)
        assert {
            (edge.depth, edge.source, edge.target): edge.count for edge in found.edges
        } == dict(expected), question
        assert found.units == sum(
            count for (depth, *_), count in expected.items() if depth == 1
        )
        followed += sum(bool(target) for _depth, _source, target in expected)
    assert followed > LOGS_EACH


def random_segment(rng: random.Random) -> Segment:
    rules = [
        Rule(
            random_step(rng),
            least=rng.randint(1, 3),
            days=rng.choice((None, 5, 20)),
            is_negated=rng.random() < 0.3,
        )
        for _ in range(rng.randint(1, 3))
    ]
    if all(rule.is_negated for rule in rules):
        rules = [Rule(EventPattern("a"))]
    has_negated = any(rule.is_negated for rule in rules)
    return Segment(
        tuple(rules),
        as_of=START + timedelta(days=rng.randint(5, 30)),
        matches_all=has_negated or rng.random() < 0.5,
    )


def test_a_segment_has_the_members_that_loops_find_and_narrows_a_report_to_them(
    store: duckdb.DuckDBPyConnection,
) -> None:
    rng = random.Random("segments")  # noqa: S311 - a seed, no secret
    found_members = 0

    for _ in range(LOGS_EACH):
        log = random_log(rng)
        put(store, log)
        segment = random_segment(rng)
        members = brute.members_of(segment, log)
        series = Series(EventPattern("b"), SeriesMeasure.EVENTS)
        trend = Trend(series=(series,), period=random_span(rng), segment=segment)
        own = [event for event in log if event.unit in members]

        count = ask(store, segment)
        narrowed = ask(store, trend)

        assert count == SegmentAnswer(len(members), None), segment
        assert list(narrowed.lines[0].values) == [
            value for _day, value in brute.trend_of(trend, series, own, ZONE)
        ]
        found_members += len(members)
    assert found_members > LOGS_EACH / 2


def test_a_day_has_the_hours_that_its_clocks_say(
    store: duckdb.DuckDBPyConnection,
) -> None:
    # 8 March has 23 hours there: it ends at 04:00 UTC of the ninth, not at 05:00.
    put(
        store,
        [
            Done(1, datetime(2026, 3, 9, 3, 59, tzinfo=UTC), 1, "a"),
            Done(1, datetime(2026, 3, 9, 4, 0, tzinfo=UTC), 2, "a"),
            Done(1, datetime(2026, 3, 8, 4, 59, tzinfo=UTC), 3, "a"),
        ],
    )
    series = Series(EventPattern("a"), SeriesMeasure.EVENTS)
    span = Span(datetime(2026, 3, 7, tzinfo=ZONE), datetime(2026, 3, 10, tzinfo=ZONE))

    found = ask(store, Trend(series=(series,), period=span))

    assert found.buckets == (date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9))
    assert found.lines[0].values == (1, 1, 1)
