"""Writing many rows at once with PostgreSQL's COPY."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault


def copy_models(rows: Sequence[models.Model]) -> None:
    """Write new rows of one model; a key or a value left to the database is its.

    Unlike ``bulk_create`` it leaves ``auto_now_add`` as it is set: the past is told.
    """
    if not rows:
        return
    options = rows[0]._meta  # noqa: SLF001 - Django documents it
    fields = [
        field
        for field in options.concrete_fields
        if not (field.primary_key and rows[0].pk is None)
        and not isinstance(getattr(rows[0], field.attname), DatabaseDefault)
    ]
    copy_rows(
        options.db_table,
        [str(field.column) for field in fields],
        (
            [
                field.get_db_prep_save(getattr(row, field.attname), connection)
                for field in fields
            ]
            for row in rows
        ),
    )


def copy_rows(
    table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows of plain values; table and columns are names of ours."""
    names = ", ".join(map(connection.ops.quote_name, columns))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """Take the next ``count`` keys of a model, as its next rows would have."""
    options = model._meta  # noqa: SLF001 - Django documents it
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [options.db_table, "id", count],
        )
        return [row[0] for row in cursor.fetchall()]
