"""A worker killed in the middle of a delivery loses nothing and repeats nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from activity.models import Event as Activity
from contracts.community import DocsImported
from outbox import publish
from outbox.models import Delivery

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a function that starts a worker on the test's own database."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker"]
        command += ["--queues", "default", "--loglevel", "warning"]
        command += ["--without-gossip", "--without-mingle", "--concurrency", "1"]
        command += ["--hostname", f"outbox-{len(started)}@%h", *arguments]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
                "DJANGO_SETTINGS_MODULE": "config.settings.test",
                "DATABASE_URL": _test_database_url(),
                "REDIS_PREFIX": django_settings.REDIS_PREFIX,
                "VAR_DIR": str(tmp_path),
            },
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_the_delivery_of_a_killed_worker_is_done_within_ten_seconds(
    start_worker: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    doomed = start_worker()
    with psycopg.connect(_test_database_url()) as other:
        # The activity log cannot be written to: its subscriber hangs in the middle.
        other.execute("LOCK TABLE activity_event IN ACCESS EXCLUSIVE MODE")
        with transaction.atomic():
            publish(DocsImported(version="9.9", locale="en", pages=1))
        _wait(_somebody_waits_for_the_log, seconds=30)
        start_worker("--beat", "--schedule", str(tmp_path / "beat"))

        os.killpg(doomed.pid, signal.SIGKILL)
        doomed.wait()
        killed_at = time.monotonic()
        half_done = set(Delivery.objects.values_list("state", "attempts"))
    _wait(lambda: not Delivery.objects.exclude(state="done").exists(), seconds=40)
    took = time.monotonic() - killed_at

    assert ("pending", 0) in half_done
    assert took < 10
    assert Activity.objects.filter(name="docs_imported").count() == 1


def _somebody_waits_for_the_log() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND relation = 'activity_event'::regclass"
        )
        return bool(cursor.fetchone()[0])


def _wait(condition: Callable[[], Any], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def _test_database_url() -> str:
    """Name the test's own database, on whatever server the tests run."""
    found = connection.settings_dict
    host = str(found["HOST"])
    credentials = str(found["USER"])
    if found["PASSWORD"]:
        credentials += f":{found['PASSWORD']}"
    port = f"&port={found['PORT']}" if found["PORT"] else ""
    return f"postgresql://{credentials}@/{found['NAME']}?host={host}{port}"
