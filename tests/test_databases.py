"""The tests' own tables: as the migrations make them, and empty for each test."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import TransactionTestCase

from accounts.models import User
from audit.services import record
from drafts.models import Draft
from tests import prepared
from tests.emptying import KEPT, empty_tables
from tests.factories import forum


class Case(TransactionTestCase):
    """What Django hands to whoever empties its tables."""

    databases = {"default"}


def tables_with_rows() -> set[str]:
    with connection.cursor() as cursor:
        holding = set()
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT EXISTS (SELECT FROM {name})")  # noqa: S608 - of the schema
            if cursor.fetchone()[0]:
                holding.add(name)
    return holding


@pytest.mark.django_db(transaction=True)
def test_what_was_committed_is_gone_and_what_django_needs_stays(
    person: Callable[..., User],
) -> None:
    topic = forum.topic(person("ada"), tags=["keys"])
    forum.reply(topic, person("ben"), "Again.")
    # What may only be added to goes, too.
    record("user.closed", actor=topic.author)
    permissions = Permission.objects.count()
    assert tables_with_rows() > {"accounts_user", "audit_record", "forum_post"}

    empty_tables(Case("run"))

    assert tables_with_rows() == set(KEPT)
    assert Permission.objects.count() == permissions
    with connection.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        # Triggers and foreign keys hold again.
        assert cursor.fetchone() == ("origin",)


@pytest.mark.django_db(transaction=True)
def test_whoever_still_writes_is_waited_for_and_never_waits(
    person: Callable[..., User],
) -> None:
    person("ada")
    has_written, may_go_on = Event(), Event()

    def write() -> None:
        try:
            with transaction.atomic():
                Draft.objects.create(visitor="ada", place="/forum/new/", nonce="1")
                has_written.set()
                assert may_go_on.wait(timeout=60)
                # In a table that was made long before, and is locked before.
                User.objects.create(username="late", email="late@example.test")
        finally:
            connection.close()

    def empty() -> None:
        try:
            empty_tables(Case("run"))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(write)
        assert has_written.wait(timeout=60)
        emptying = pool.submit(empty)
        # Half a second is ten times what it takes where nobody writes.
        assert not wait([emptying], timeout=0.5).done
        may_go_on.set()
        writing.result(timeout=60)
        emptying.result(timeout=60)

    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_copied_tables_are_those_of_all_migrations() -> None:
    executor = MigrationExecutor(connection)

    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


def test_a_changed_migration_or_package_prepares_the_tables_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "ROOT", tmp_path)
    migration = tmp_path / "billing/plans/migrations/0001_initial.py"
    package = tmp_path / "requirements/base.txt"
    beside = tmp_path / "billing/plans/models.py"
    for path in (migration, package, beside):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one")
    seen = [prepared._fingerprint()]

    beside.write_text("two")
    assert prepared._fingerprint() == seen[0]
    for act in (
        lambda: migration.write_text("two"),
        lambda: package.write_text("two"),
        lambda: migration.rename(migration.with_name("0001_first.py")),
    ):
        act()
        assert prepared._fingerprint() not in seen
        seen.append(prepared._fingerprint())
