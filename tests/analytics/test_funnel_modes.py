"""The four orders of a funnel, against loops that say what they mean."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb
import pytest

from analytics.engines import answering
from analytics.engines.duckdb import COLUMNS, DIMENSIONS
from analytics.evaluation.moments import from_micros, to_micros
from analytics.questions import Funnel, Order
from tests.analytics.brute import Done, find_ways
from tests.analytics.random_logs import LOGS, random_funnel, random_log


@pytest.fixture(scope="module")
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the tables of a read side, into which logs are put."""
    connection = duckdb.connect(":memory:")
    for name, columns in {"events": COLUMNS, **DIMENSIONS}.items():
        listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(f"CREATE TABLE {name} ({listed})")
    yield connection
    connection.close()


def put(store: duckdb.DuckDBPyConnection, log: Sequence[Done]) -> None:
    store.execute("DELETE FROM events")
    if log:
        store.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, NULL, '', '', 'web', ?)",
            [
                (e.id, to_micros(e.at), e.name, e.unit, json.dumps(e.properties))
                for e in log
            ],
        )


def found_by(
    store: duckdb.DuckDBPyConnection, funnel: Funnel
) -> dict[int, tuple[int, tuple[datetime, ...]]]:
    ways = answering.ways_of(store, funnel, answering.values_of(store, funnel))
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
