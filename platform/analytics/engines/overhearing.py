"""What a question asks of DuckDB, written down while it is asked."""

from datetime import date, datetime
from itertools import zip_longest
from typing import Any, Protocol

import duckdb


class ColumnStore(Protocol):
    """Where queries are sent: a connection, or one that is overheard."""

    def execute(
        self, query: str, parameters: Any = None
    ) -> duckdb.DuckDBPyConnection: ...

    def register(self, view_name: str, python_object: Any) -> Any: ...


class Overheard:
    """A connection that keeps each statement it passes on."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.statements: list[str] = []

    def execute(self, query: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        self.statements.append(_readable(query, list(parameters or ())))
        return self.connection.execute(query, parameters)

    def register(self, view_name: str, python_object: Any) -> Any:
        return self.connection.register(view_name, python_object)


def _readable(query: str, values: list[Any]) -> str:
    """Write values in the place of their question marks; for people, not to be run.

    No name and no constant of a query holds a question mark: names are checked, and
    what people typed is a value.
    """
    parts = query.split("?")
    if len(parts) != len(values) + 1:
        return query
    written = (
        part if value is None else part + value
        for part, value in zip_longest(parts, map(_literal, values))
    )
    return "".join(written)


def _literal(value: Any) -> str:
    if isinstance(value, str | date | datetime):
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)
