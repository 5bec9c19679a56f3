"""Small demos, and what a way of making one has left in the database."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from demo.services import NEWCOMERS, Scale, seed

Rows = dict[str, list[str]]
# Enough people for every state of a subscription, enough threads for both languages.
SMALL = Scale(90, 110, (1, 3), 60, 300, (2, 5), 10, newcomers=NEWCOMERS)
# As little as there can be, where only the way matters.
TINY = Scale(16, 12, (1, 3), 12, 40, (1, 3), 5)


def make(scale: Scale, now: datetime, number: int = 42) -> None:
    seed(scale, seed=number, on_step=lambda what, done: None, now=now)


def outcome(
    act: Callable[[], object], *, tables: Mapping[str, tuple[str, ...]]
) -> Rows:
    """Return the rows ``act`` leaves, and take them back.

    ``tables`` names for each what to leave out.
    """
    with transaction.atomic():
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
