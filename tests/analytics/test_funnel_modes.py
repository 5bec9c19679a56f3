"""The four orders of a funnel, against loops that say what they mean."""

import random
from datetime import datetime, timedelta

import duckdb
import pytest

from analytics.answers import FunnelAnswer
from analytics.engines import answering, collecting
from analytics.evaluation.moments import from_micros
from analytics.questions import EventPattern, Funnel, Order, Span
from tests.analytics.brute import Done, find_ways
from tests.analytics.conftest import put
from tests.analytics.random_logs import LOGS, START, random_funnel, random_log


def found_by(
    store: duckdb.DuckDBPyConnection, funnel: Funnel
) -> dict[int, tuple[int, tuple[datetime, ...]]]:
    ways = answering.ways_of(store, funnel)
    rows = zip(ways.unit, ways.reached, ways.moments, strict=True)
    return {
        int(unit): (
            int(reached),
            tuple(from_micros(int(at)) for at in moments[: int(reached)]),
        )
        for unit, reached, moments in rows
    }


@pytest.mark.parametrize("order", list(Order))
def test_every_way_through_a_random_log_is_the_one_that_loops_find(
    order: Order, store: duckdb.DuckDBPyConnection
) -> None:
    rng = random.Random(f"ways {order}")  # noqa: S311 - a seed, no secret
    came_far = 0

    for number in range(LOGS):
        log, funnel = random_log(rng), random_funnel(rng, order)
        put(store, log)
        expected = find_ways(funnel, log)

        found = found_by(store, funnel)

        assert found == {
            unit: (way.reached, way.moments) for unit, way in expected.items()
        }, f"log {number}: {funnel}"
        came_far += sum(way.reached > 1 for way in expected.values())
    # A log in which nobody comes anywhere shows nothing.
    assert came_far > LOGS / 4


def test_ten_values_of_a_breakdown_are_named_and_the_rest_is_put_together(
    store: duckdb.DuckDBPyConnection,
) -> None:
    put(
        store,
        [
            Done(number, START, number, "a", {"plan": f"p{number % 13:02}"})
            for number in range(1, 27)
        ],
    )
    funnel = Funnel(
        steps=(EventPattern("a"), EventPattern("b")),
        period=Span(START, START + timedelta(days=1)),
        breakdown="plan",
    )

    found = answering.answer(store, funnel, None)

    assert isinstance(found, FunnelAnswer)
    assert [(each.value, each.steps[0].count) for each in found.divisions] == [
        *((f"p{number:02}", 2) for number in range(10)),
        (None, 6),
    ]


def test_units_that_are_walked_some_at_a_time_come_as_far(
    store: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random("shares")  # noqa: S311 - a seed, no secret

    for _ in range(20):
        log, funnel = random_log(rng), random_funnel(rng, Order.ANY_ENTRY)
        put(store, log)
        together = found_by(store, funnel)

        with monkeypatch.context() as small:
            small.setattr(collecting, "ROWS_AT_ONCE", 3)
            apart = found_by(store, funnel)

        assert apart == together
