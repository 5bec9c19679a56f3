import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.test import Client

from analytics.engines.duckdb import COLUMNS, DIMENSIONS
from analytics.evaluation.moments import to_micros
from tests.analytics.brute import Done
from tests.analytics.logs import fed_rows, note, view

Person = Callable[..., Any]


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


@pytest.fixture
def staff(person: Person, settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    return person("boss", is_staff=True)


@pytest.fixture
def desk(client: Client, staff: Any) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def way(person: Person) -> dict[str, Any]:
    """Three people who looked; two of them verified, one within a minute."""
    people = {name: person(name) for name in ("ada", "bea", "cem")}
    for minutes, name, path in ((0, "ada", "/docs/"), (1, "bea", "/"), (2, "cem", "/")):
        view(path, minutes, user_id=people[name].pk)
    for minutes, name in ((1, "ada"), (61, "bea")):
        pk = people[name].pk
        note("email_verified", minutes, user_id=pk, properties={"user_id": pk})
    fed_rows()
    return people
