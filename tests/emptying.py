"""How the tables are emptied after a test that committed.

Django truncates every table and writes the permissions anew: half a second, however
little a test has written. Here only tables that hold rows are touched.
"""

import pytest
from django.db import connections
from django.test import TransactionTestCase

# What Django itself fills once the tables are there; no test writes it.
KEPT = ("auth_permission", "django_content_type", "django_migrations")

# Whoever still writes is waited for: his rows would be the next test's. Triggers and
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
        EXECUTE 'LOCK TABLE ' || array_to_string(tables, ', ') || ' IN EXCLUSIVE MODE';
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
        with connections[alias].cursor() as cursor:
            cursor.execute(EMPTY)


@pytest.fixture(scope="session", autouse=True)
def _emptied_by_need() -> None:
    """Take the place of Django's own way, which every test that commits ends with."""
    TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]
