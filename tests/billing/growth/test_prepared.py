"""Statements that are planned once for a connection."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.growth.prepared import Prepared
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)


def doubled(name: str) -> Prepared:
    return Prepared(
        name,
        "SELECT %(number)s * 2, %(word)s || %(word)s",
        {"number": "bigint", "word": "text"},
    )


def planned(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE name = %s", [name]
        )
        return int(cursor.fetchone()[0])


def test_a_statement_is_planned_at_its_first_use_and_never_again() -> None:
    statement = doubled("first_use")

    with CaptureQueriesContext(connection) as first:
        assert statement.run({"number": 4, "word": "a'b"}) == (8, "a'ba'b")
    with CaptureQueriesContext(connection) as second:
        assert statement.run({"number": None, "word": "%s"}) == (None, "%s%s")

    assert (len(first), len(second)) == (2, 1)
    assert planned("first_use") == 1


def test_a_new_connection_plans_it_for_itself() -> None:
    statement = doubled("new_connection")
    statement.run({"number": 1, "word": ""})

    connection.close()

    assert planned("new_connection") == 0
    assert statement.run({"number": 2, "word": ""}) == (4, "")


def test_threads_have_connections_and_plans_of_their_own() -> None:
    statement = doubled("threads")

    found = together(*[lambda: statement.run({"number": 3, "word": "x"})] * 4)

    assert found == [(6, "xx")] * 4


def test_it_is_there_after_a_transaction_that_was_taken_back() -> None:
    statement = doubled("taken_back")

    with transaction.atomic():
        statement.run({"number": 1, "word": ""})
        transaction.set_rollback(True)

    with CaptureQueriesContext(connection) as queries:
        assert statement.run({"number": 5, "word": ""}) == (10, "")
    assert len(queries) == 1


def test_what_could_not_be_planned_is_planned_the_next_time() -> None:
    statement = doubled("not_planned")

    def fail() -> Any:
        with transaction.atomic():
            with connection.cursor() as cursor, pytest.raises(DatabaseError):
                cursor.execute("SELECT 1 / 0")
            # PostgreSQL takes nothing more in this transaction.
            statement.run({"number": 1, "word": ""})

    with pytest.raises(DatabaseError):
        fail()

    assert statement.run({"number": 1, "word": ""}) == (2, "")


def test_no_row_is_none() -> None:
    statement = Prepared(
        "no_row", "SELECT 1 WHERE %(number)s > 0", {"number": "bigint"}
    )

    assert statement.run({"number": 0}) is None
    assert statement.run({"number": 1}) == (1,)
