"""A worker killed in the middle of a webhook loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from accounts.queries import personal_organisation
from billing.plans.queries import offer_for
from billing.plans.services import ensure_default_plans
from billing.stripe.catalogue import sync_plans
from billing.stripe.models import WebhookInbox
from billing.subscriptions import services
from config.celery import app
from entitlements.queries import entitlements_for
from outbox.models import Event
from tests.factories.billing import SECRET, signature
from tests.fakes.stripe_emulator import (
    StripeEmulator,
    stripe_emulator,
    stripe_emulator_process,
)

__all__ = ["stripe_emulator", "stripe_emulator_process"]

OTHER, DOOMED = "other@fault", "doomed@fault"
ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def start_worker(
    stripe_emulator: StripeEmulator, tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a function that starts a worker on the test's own database."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker"]
        command += ["--loglevel", "warning"]
        command += ["--without-gossip", "--without-mingle", "--concurrency", "1"]
        command += ["--hostname", name, *arguments]
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
                "STRIPE_API_BASE": stripe_emulator.url,
                "STRIPE_SECRET_KEY": stripe_emulator.key,
                "STRIPE_WEBHOOK_SECRETS": SECRET,
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


@pytest.mark.smoke
def test_the_event_of_a_killed_worker_is_finished_within_ten_seconds(
    stripe_emulator: StripeEmulator,
    start_worker: Callable[..., subprocess.Popen[bytes]],
    person: Callable[..., Any],
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    settings.STRIPE_API_BASE = stripe_emulator.url
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    ensure_default_plans()
    list(sync_plans())
    ada = person("ada")
    org = personal_organisation(ada)
    price = offer_for("pro").prices["month"]
    intent = services.start_checkout(org, user=ada, price=price)
    assert stripe_emulator.pay_checkout(intent.session_url).status_code == 303
    events = stripe_emulator.client().v1.events.list(
        {"type": "customer.subscription.created"}
    )
    body = json.dumps(events.data[0].to_dict(for_json=True)).encode()

    # The other worker is up, as it would be, but leaves this queue alone for now: how
    # long a busy machine takes to start a process is not what is measured.
    start_worker(
        OTHER, "--queues", "default", "--beat", "--schedule", str(tmp_path / "beat")
    )
    doomed = start_worker(DOOMED, "--queues", "billing")
    _wait(lambda: _ping(OTHER, DOOMED) == 2, seconds=60)

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
    _wait(lambda: WebhookInbox.objects.get().attempts == 1, seconds=30)
    row = WebhookInbox.objects.get()

    os.killpg(doomed.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    app.control.add_consumer("billing", destination=[OTHER])
    _wait(lambda: WebhookInbox.objects.get().state == "done", seconds=20)
    took = time.monotonic() - killed_at

    assert delivered.status_code == 200
    assert (row.state, row.attempts) == ("new", 1)
    assert took < 10
    assert WebhookInbox.objects.get().attempts == 2
    assert entitlements_for(org.pk).plan == "pro"
    assert Event.objects.filter(name="SubscriptionStarted").count() == 1


def _ping(*names: str) -> int:
    """Return how many of these workers are there."""
    return len(app.control.ping(destination=names, timeout=1) or [])


def _wait(condition: Callable[[], bool], *, seconds: float) -> None:
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
