"""How the tables are emptied after a test that committed.

Django truncates every table and writes the permissions anew: half a second, however
little a test has written. Here only tables that hold rows are touched.
"""

import time

import pytest
from django.db import OperationalError, connections
from django.test import TransactionTestCase
from psycopg.errors import LockNotAvailable

# What Django itself fills once the tables are there; no test writes it.
KEPT = ("auth_permission", "django_content_type", "django_migrations")

# Longer than anything a test leaves behind may still write.
PATIENCE = 60
# Whoever still writes is waited for: what they write would be the next test's. All
# locks are had at once or none, so that they never wait for one of ours. Triggers and
# foreign keys are passed over, for the whole of the tables goes.
EMPTY = f"""
    DO $$
    DECLARE
        tables text[] := ARRAY(
            SELECT oid::regclass FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                AND relname <> ALL ('{{{",".join(KEPT)}}}')
            ORDER BY oid
        );
        name text;
        is_filled boolean;
    BEGIN
        SET LOCAL session_replication_role = 'replica';
        EXECUTE 'LOCK TABLE ' || array_to_string(tables, ', ')
            || ' IN EXCLUSIVE MODE NOWAIT';
        FOREACH name IN ARRAY tables LOOP
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO is_filled;
            IF is_filled THEN
                EXECUTE 'DELETE FROM ' || name;
            END IF;
        END LOOP;
    END $$
"""  # noqa: S608 - of names of this file


def empty_tables(case: TransactionTestCase) -> None:
    """Delete all rows but Django's own. Needs a superuser of the database."""
    for alias in case._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        deadline = time.monotonic() + PATIENCE
        while not _empty(alias):
            assert time.monotonic() < deadline, "Somebody goes on writing."
            time.sleep(0.01)


def _empty(alias: str) -> bool:
    """Empty a database, or tell that somebody writes to it."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(EMPTY)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    return True


@pytest.fixture(scope="session", autouse=True)
def _emptied_by_need() -> None:
    """Take the place of Django's own way, which every test that commits ends with."""
    TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]
