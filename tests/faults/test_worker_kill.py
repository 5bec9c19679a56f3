"""A worker killed in the middle of a job loses nothing, and another does it once more.

One real worker for each kind of job, killed by SIGKILL while its work hangs.
"""

import json
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
from django.test import Client
from django.utils import timezone

from accounts.models import Identity
from accounts.queries import personal_organisation
from activity.models import Event as Activity
from billing.plans.queries import offer_for
from billing.plans.services import ensure_default_plans
from billing.stripe.catalogue import sync_plans
from billing.subscriptions import services
from community.reputation.models import Entry
from config.celery import app
from contracts.community import DocsImported
from entitlements.queries import entitlements_for
from jobs.models import Job
from notifications.mailing import queue_mail
from outbox import publish
from outbox.models import Event
from tests.community.contributions.test_webhook import AUTHOR, deliver, merged
from tests.factories.billing import SECRET, signature
from tests.fakes.stripe_emulator import (
    StripeEmulator,
    stripe_emulator,
    stripe_emulator_process,
)
from tests.notifications.conftest import MailServer, mail_server

__all__ = ["mail_server", "stripe_emulator", "stripe_emulator_process"]

OTHER, DOOMED = "other@fault", "doomed@fault"
ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


class Workers:
    """Workers of the product on the test's own database."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
            "DATABASE_URL": _test_database_url(),
            "REDIS_PREFIX": django_settings.REDIS_PREFIX,
            "VAR_DIR": str(folder),
            **environment,
        }
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, queue: str) -> None:
        """Start two: one for the queue, and one beside it that leaves it alone for now.

        How long a busy machine takes to start a process is not what is measured.
        """
        self._start(DOOMED, "--queues", queue)
        schedule = str(self.folder / "beat")
        self._start(OTHER, "--queues", "usage", "--beat", "--schedule", schedule)
        _wait(lambda: _ping(OTHER, DOOMED) == 2, seconds=60)

    def kill(self, queue: str) -> float:
        """Kill the one at work, let the other take the queue; return the moment."""
        os.killpg(self.started[0].pid, signal.SIGKILL)
        self.started[0].wait()
        app.control.add_consumer(queue, destination=[OTHER])
        return time.monotonic()

    def stop(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _start(self, name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker"]
        command += ["--loglevel", "warning", "--hostname", name]
        command += ["--without-gossip", "--without-mingle", "--concurrency", "1"]
        self.started.append(
            subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                start_new_session=True,
                env=self.environment,
            )
        )


@pytest.fixture
def hire(tmp_path: Path) -> Iterator[Callable[..., Workers]]:
    """Return a function that starts workers, for a queue and with an environment."""
    hired: list[Workers] = []

    def start(queue: str, **environment: str) -> Workers:
        hired.append(Workers(tmp_path, **environment))
        hired[-1].start(queue)
        return hired[-1]

    yield start
    for workers in hired:
        workers.stop()


Hire = Callable[..., Workers]


def test_a_fact(hire: Hire) -> None:
    workers = hire("default")
    with psycopg.connect(_test_database_url()) as other:
        # The activity log cannot be written to: its subscriber hangs in the middle.
        other.execute("LOCK TABLE activity_event IN ACCESS EXCLUSIVE MODE")
        with transaction.atomic():
            publish(DocsImported(version="9.9", locale="en", pages=1))
        _wait(lambda: _somebody_waits_for("activity_event"), seconds=30)
        killed_at = workers.kill("default")
        half_done = _jobs("fact")
    took = _done("fact", killed_at)

    assert ("waiting", 1) in half_done
    assert ("done", 2) in _jobs("fact")
    assert took < 10
    assert Activity.objects.filter(name="docs_imported").count() == 1


@pytest.mark.smoke
def test_a_webhook(
    hire: Hire,
    stripe_emulator: StripeEmulator,
    person: Callable[..., Any],
    settings: Any,
) -> None:
    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    settings.STRIPE_API_BASE = stripe_emulator.url
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    ensure_default_plans()
    list(sync_plans())
    ada = person("ada")
    org = personal_organisation(ada)
    price = offer_for("pro").prices["month"]
    intent = services.open_checkout(org, user=ada, price=price)
    assert stripe_emulator.pay_checkout(intent.session_url).status_code == 303
    events = stripe_emulator.client().v1.events.list(
        {"type": "customer.subscription.created"}
    )
    body = json.dumps(events.data[0].to_dict(for_json=True)).encode()
    workers = hire(
        "billing",
        STRIPE_API_BASE=stripe_emulator.url,
        STRIPE_SECRET_KEY=stripe_emulator.key,
        STRIPE_WEBHOOK_SECRETS=SECRET,
    )

    # The first worker asks for the subscription and hangs there.
    stripe_emulator.post_faults(
        answers=[{"path": "^/v1/subscriptions/", "status": 0, "delay": 60, "times": 1}]
    )
    delivered = Client().post(
        "/hooks/stripe/",
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": signature(body)},
    )
    _wait(lambda: ("waiting", 1) in _jobs("webhook"), seconds=30)
    killed_at = workers.kill("billing")
    took = _done("webhook", killed_at)

    assert delivered.status_code == 200
    assert took < 10
    assert _jobs("webhook") == {("done", 2)}
    assert entitlements_for(org.pk).plan == "pro"
    assert Event.objects.filter(name="SubscriptionStarted").count() == 1


def test_a_mail(hire: Hire, mail_server: MailServer, settings: Any) -> None:
    mail_server.is_stuck = True
    workers = hire(
        "mail",
        EMAIL_URL=f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
        TEST_MAIL_TRANSPORT=settings.MAIL_TRANSPORT,
    )
    written = queue_mail("ada@example.test", subject="Hello", text="Read this.")
    _wait(lambda: mail_server.stuck == 1, seconds=30)

    killed_at = workers.kill("mail")
    mail_server.is_stuck = False
    # Nobody else begins while it may still be on its way.
    time.sleep(3)
    during = _jobs("mail")
    # Two minutes later.
    Job.objects.update(leased_until=timezone.now())
    took = _done("mail", killed_at)

    assert during == {("waiting", 1)}
    assert took < 30
    assert _jobs("mail") == {("done", 2)}
    (taken,) = mail_server.taken
    assert taken["Message-ID"] == written.message_id


def test_a_contribution(hire: Hire, person: Callable[..., Any]) -> None:
    user = person("codertocat")
    Identity.objects.create(user=user, provider="github", external_id=AUTHOR, login="x")
    Job.objects.all().delete()
    workers = hire("default")
    with psycopg.connect(_test_database_url()) as other:
        other.execute("LOCK TABLE reputation_entry IN ACCESS EXCLUSIVE MODE")
        assert deliver(Client(), merged()).status_code == 202
        _wait(lambda: _somebody_waits_for("reputation_entry"), seconds=30)
        killed_at = workers.kill("default")
        half_done = _jobs("contribution")
    took = _done("contribution", killed_at)

    assert half_done == {("waiting", 1)}
    assert took < 30
    assert _jobs("contribution") == {("done", 2)}
    assert Entry.objects.get(user=user).delta == 25


def _jobs(kind: str) -> set[tuple[str, int]]:
    return set(Job.objects.filter(kind=kind).values_list("state", "attempts"))


def _done(kind: str, since: float) -> float:
    """Wait until every job of a kind is done; return the seconds since a moment."""
    jobs = Job.objects.filter(kind=kind).exclude(state="done")
    _wait(lambda: not jobs.exists(), seconds=60)
    return time.monotonic() - since


def _ping(*names: str) -> int:
    """Return how many of these workers are there."""
    return len(app.control.ping(destination=names, timeout=1) or [])


def _somebody_waits_for(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND relation = %s::regclass",
            [table],
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
