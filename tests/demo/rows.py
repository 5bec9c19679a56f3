"""Reading what a way of making the demo has left in the database."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection, transaction

Rows = dict[str, list[str]]


def outcome(
    act: Callable[[], object],
    *,
    tables: Mapping[str, tuple[str, ...]],
    numbers: Mapping[str, int] | None = None,
) -> Rows:
    """Return the rows ``act`` leaves, and take them back.

    ``tables`` names for each what to leave out. ``numbers`` are the first keys to
    give in some tables, so that they are the same however rows are written.
    """
    with transaction.atomic():
        for table, number in (numbers or {}).items():
            _begin_at(table, number)
        act()
        rows = {table: read(table, left_out) for table, left_out in tables.items()}
        transaction.set_rollback(True)
    return rows


def read(table: str, left_out: tuple[str, ...] = ()) -> list[str]:
    """Return a table's rows as text in a fixed order, without some columns."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT to_jsonb(t) - %s::text[] FROM {table} t",  # noqa: S608 - a test's own
            [list(left_out)],
        )
        return sorted(_text(row[0]) for row in cursor.fetchall())


def _text(row: Any) -> str:
    return row if isinstance(row, str) else repr(sorted(row.items()))


def free_numbers(tables: tuple[str, ...]) -> dict[str, int]:
    """Return for each table the next key it would give."""
    with connection.cursor() as cursor:
        numbers = {}
        for table in tables:
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
            numbers[table] = cursor.fetchone()[0] + 1
        return numbers


def _begin_at(table: str, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s, false)",
            [table, number],
        )
