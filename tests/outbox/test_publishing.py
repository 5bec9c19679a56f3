import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test import RequestFactory

from contracts.community import DocsImported
from core.context import network, request_id
from edge.middleware import trusted_proxies
from jobs.models import Job
from outbox import publish
from outbox.models import Event
from tests.outbox.conftest import Register

ROOT = Path(__file__).resolve().parents[2]
FACT = DocsImported(version="1.0", locale="en", pages=3)


@pytest.mark.django_db
def test_a_fact_has_one_job_for_each_subscriber(hear: Register) -> None:
    name = hear(DocsImported, lambda fact: None, "listener")

    with transaction.atomic():
        publish(FACT)

    event = Event.objects.get()
    assert (event.name, event.payload) == (
        "DocsImported",
        {"version": "1.0", "locale": "en", "pages": 3},
    )
    jobs = Job.objects.about("fact", event.pk)
    subscribers = set(jobs.values_list("part", flat=True))
    assert subscribers >= {name, "activity.subscribers.record_fact"}
    assert set(jobs.values_list("state", flat=True)) == {"waiting"}


@pytest.mark.django_db(transaction=True)
def test_a_fact_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        publish(FACT)

    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_fact_is_rolled_back_with_its_change() -> None:
    def change() -> None:
        publish(FACT)
        raise KeyError

    with pytest.raises(KeyError), transaction.atomic():
        change()

    assert not Event.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_nudged_after_the_commit_and_not_before() -> None:
    with transaction.atomic():
        publish(FACT)
        queued_before = queued()

    assert queued_before == 0
    assert queued() == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_the_change_still_commits() -> None:
    script = (
        "import django; django.setup()\n"
        "from django.db import transaction\n"
        "from contracts.community import DocsImported\n"
        "from outbox import publish\n"
        "with transaction.atomic():\n"
        "    publish(DocsImported(version='1.0', locale='en', pages=3))\n"
        "print('committed')\n"
    )
    # Port 9 is nobody's: the connection is refused at once.
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": own_database_url(),
        "REDIS_BROKER_URL": "redis://127.0.0.1:9/0",
    }

    finished = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert finished.stdout == "committed\n", finished.stderr
    assert "nudge.failed" in finished.stderr
    assert Event.objects.count() == 1
    assert set(Job.objects.values_list("state", flat=True)) == {"waiting"}


@pytest.mark.django_db(transaction=True)
def test_a_fact_carries_its_request_and_the_network_but_no_address(
    hear: Register, deliver_outbox: Callable[[], int]
) -> None:
    heard: list[tuple[str, str]] = []
    hear(DocsImported, lambda _: heard.append((request_id.get(), network.get())), "l")

    def view(request: Any) -> Any:
        with transaction.atomic():
            token = request_id.set("req_1")
            publish(FACT)
            request_id.reset(token)

    trusted_proxies(view)(RequestFactory().get("/", REMOTE_ADDR="203.0.113.77"))
    deliver_outbox()

    assert heard == [("req_1", "203.0.113.0/24")]
    assert "203.0.113.77" not in str(Event.objects.values())


def queued() -> int:
    """Return how many tasks wait in the default queue."""
    with current_app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        size: int = channel._size("default")
        return size


def own_database_url() -> str:
    """Name the test's own database, on whatever server the tests run."""
    found = connection.settings_dict
    host = str(found["HOST"])
    credentials = str(found["USER"])
    if found["PASSWORD"]:
        credentials += f":{found['PASSWORD']}"
    port = f"&port={found['PORT']}" if found["PORT"] else ""
    return f"postgresql://{credentials}@/{found['NAME']}?host={host}{port}"
