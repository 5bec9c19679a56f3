import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics.engines.duckdb import COLUMNS, DIMENSIONS
from analytics.evaluation.moments import to_micros
from tests.analytics.brute import Done


@pytest.fixture(autouse=True)
def _own_read_side(settings: Any, tmp_path: Path) -> None:
    """Keep the read side of each test in a folder of its own."""
    settings.ANALYTICS_DIR = tmp_path / "analytics"


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
    """Have the store hold this log and nothing else."""
    store.execute("DELETE FROM events")
    if log:
        store.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, NULL, '', ?, 'web', ?)",
            [
                (
                    event.id,
                    to_micros(event.at),
                    event.name,
                    event.unit,
                    event.properties.get("path", ""),
                    json.dumps(event.properties),
                )
                for event in log
            ],
        )
