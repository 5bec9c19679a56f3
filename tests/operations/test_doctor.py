"""The doctor finds what is broken, all at once, and says what to do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from django.core.management import call_command
from django.utils import timezone

from core.crypto import encrypt
from embedded.mailbox import Mailbox
from embedded.modelservers import cards
from inference.catalog.alarms import alarm_key
from jobs.models import Job
from operations import outside, servers
from operations.findings import Finding, Status
from operations.servers import PULSE
from stores.redis import client, prefixed
from tests.factories.inference import offered_model
from tests.fakes.compatible import Compatible, running_compatible
from tests.fakes.servers import ROOT, free_port
from tests.fakes.upstream import serving

Look = Callable[[], Any]


def told(look: Look) -> list[tuple[Status, str]]:
    return list(look())


def test_every_problem_of_the_environment_is_told_at_once() -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "SECRET_KEY": "development-only-secret-key",
        "FIELD_KEYS": "short",
        "TRUSTED_PROXIES": "two",
        "SECURE_SSL_REDIRECT": "perhaps",
        "STRIPE_SECRET_KEY_FILE": "/nowhere/key",
    }

    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "doctor"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines() == [
        "The environment is not complete:",
        "  - SECRET_KEY is a development secret: make one of your own.",
        "  - FIELD_KEYS is shorter than 32 characters.",
        "  - TRUSTED_PROXIES=two: expected a whole number.",
        "  - DATABASE_URL is not set: postgresql://user:password@host:5432/name",
        "  - STRIPE_SECRET_KEY_FILE=/nowhere/key: No such file or directory.",
        "  - EMAIL_URL is not set: smtp+tls://user:password@host:587",
    ]


@pytest.mark.django_db
def test_servers_that_are_there_are_found_well() -> None:
    postgres = told(servers.look_at_postgres)
    redis = told(servers.look_at_redis)
    migrations = told(servers.look_at_migrations)

    assert {status for status, _ in [*postgres, *redis, *migrations]} == {Status.OK}
    assert postgres[0][1].startswith("PostgreSQL 1")
    assert postgres[1][1] == "The clock of PostgreSQL agrees with ours."
    assert migrations == [(Status.OK, "Every migration is applied.")]


def test_a_redis_that_is_away_is_named_and_stops_nothing(settings: Any) -> None:
    settings.REDIS_CACHE_URL = settings.REDIS_BROKER_URL = (
        f"redis://127.0.0.1:{free_port()}/0"
    )

    ((status, sentence),) = told(servers.look_at_redis)

    assert status == Status.FAILURE
    assert sentence.startswith("Redis does not answer at REDIS_BROKER_URL")
    assert sentence.endswith("check the address and that the server runs.")


def test_a_broker_that_drops_tasks_is_a_failure(settings: Any) -> None:
    client().config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = told(servers.look_at_redis)
    finally:
        client().config_set("maxmemory-policy", "noeviction")

    assert (
        Status.FAILURE,
        (
            "The broker's maxmemory-policy is allkeys-lru, so tasks can vanish: set "
            "maxmemory-policy noeviction."
        ),
    ) in found


@pytest.mark.parametrize(
    ("age", "status"), [(5, Status.OK), (90, Status.FAILURE), (None, Status.FAILURE)]
)
def test_beat_is_known_by_its_pulse(age: int | None, status: Status) -> None:
    import time

    if age is not None:
        client().set(prefixed(PULSE), time.time() - age)

    worker, beat = told(servers.look_at_workers)

    assert worker[0] == Status.FAILURE
    assert worker[1].startswith("No worker answers: start celery")
    assert beat[0] == status


@pytest.mark.django_db
def test_work_that_waits_is_a_failure_and_what_was_given_up_a_warning() -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    Job.objects.create(kind="fact", subject="1", part="a", due_at=long_ago)
    Job.objects.create(
        kind="fact", subject="1", part="b", state="dead", finished_at=long_ago
    )

    tasks, *jobs = told(servers.look_at_queues)
    # One line for each kind of job, by name; facts have two to say.
    contracts, contributions, customers, erasures, exports, late, dead, *later = jobs

    assert tasks == (
        Status.OK,
        "Waiting tasks: default 0, mail 0, billing 0, usage 0.",
    )
    assert late[0] == Status.FAILURE
    assert late[1].startswith("Jobs fact: the oldest has been due for 300 s (1 wait)")
    assert dead[0] == Status.WARNING
    assert dead[1].startswith("Jobs fact: 1 given up")
    mails, refunds, replays, webhooks = later
    before = (contracts, contributions, customers, erasures, exports)
    others = (*before, mails, refunds, replays, webhooks)
    assert {status for status, _sentence in others} == {Status.OK}


def test_a_mail_server_is_asked_for_real(settings: Any, tmp_path: Path) -> None:
    smtp_port = free_port()
    settings.MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp_port

    ((before, sentence),) = told(servers.look_at_mail)
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "doorstone", "ours"
    mailbox = Mailbox(
        tmp_path,
        host="127.0.0.1",
        smtp_port=smtp_port,
        port=free_port(),
        secret="ours",
    )
    mailbox.start()
    try:
        ((after, _),) = told(servers.look_at_mail)
    finally:
        mailbox.stop()

    assert (before, after) == (Status.FAILURE, Status.OK)
    assert "correct EMAIL_URL" in sentence


@pytest.mark.django_db
def test_stripe_without_a_key_or_an_answer_is_a_failure(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    ((without_key, sentence),) = told(outside.look_at_stripe)
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    settings.STRIPE_WEBHOOK_SECRETS = []
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{free_port()}"

    webhook, unreachable = told(outside.look_at_stripe)

    assert without_key == Status.FAILURE
    assert sentence.startswith("STRIPE_SECRET_KEY is not set")
    assert webhook[1].startswith("STRIPE_WEBHOOK_SECRETS is not set")
    assert unreachable[1].startswith("Stripe does not accept our calls")


@pytest.mark.django_db
def test_an_upstream_that_refused_the_gateway_is_named() -> None:
    place = {"provider": "openai", "base_url": "http://127.0.0.1:9/v1"}
    deployment = offered_model("tiny", deployments=[place]).deployments.get()
    client().set(alarm_key(deployment.pk), json.dumps({"status": 401}))

    ((status, sentence),) = told(outside.look_at_upstreams)

    assert status == Status.FAILURE
    assert "refused us with 401" in sentence
    assert "tiny" in sentence


@pytest.mark.django_db
def test_an_upstream_that_is_away_is_named() -> None:
    model = offered_model("tiny")
    model.deployments.all().delete()
    base = f"http://127.0.0.1:{free_port()}/v1"
    model.deployments.create(provider="openai", base_url=base)

    ((status, sentence),) = told(outside.look_at_upstreams)

    assert status == Status.FAILURE
    assert sentence.startswith(f"{base} (for tiny) does not answer")


@pytest.mark.django_db
def test_a_server_that_refuses_our_key_is_named_and_one_that_takes_it_is_not() -> None:
    with running_compatible(Compatible(key="right")) as server:
        place = {"provider": "openai", "base_url": f"{server.origin}/v1"}
        offered_model("tiny", deployments=[{**place, "credential": encrypt("wrong")}])
        ((refused, sentence),) = told(outside.look_at_upstreams)

        offered_model("tiny", deployments=[{**place, "credential": encrypt("right")}])
        ((taken, _),) = told(outside.look_at_upstreams)

    assert (refused, taken) == (Status.FAILURE, Status.OK)
    assert "refuses our key with 401" in sentence


@pytest.mark.django_db
def test_a_servers_key_is_not_sent_where_it_would_send_us() -> None:
    keys: list[str | None] = []

    async def list_models(request: web.Request) -> web.Response:
        keys.append(request.headers.get("authorization"))
        if request.path == "/stolen":
            return web.json_response({})
        raise web.HTTPFound("/stolen")

    application = web.Application()
    application.router.add_get("/{tail:.*}", list_models)
    port = free_port()
    place = {"provider": "openai", "base_url": f"http://127.0.0.1:{port}/v1"}
    offered_model("tiny", deployments=[{**place, "credential": encrypt("sk-ours")}])
    with serving(application, port):
        ((status, _),) = told(outside.look_at_upstreams)

    assert keys == ["Bearer sk-ours"]
    assert status == Status.OK


@pytest.mark.django_db
def test_a_key_of_other_field_keys_is_named(settings: Any) -> None:
    place = {"provider": "openai", "base_url": "http://127.0.0.1:9/v1"}
    offered_model("tiny", deployments=[{**place, "credential": encrypt("key")}])
    settings.FIELD_KEYS = ["another one that opens nothing of this installation"]

    ((status, sentence),) = told(outside.look_at_upstreams)

    assert status == Status.FAILURE
    assert "cannot be read with FIELD_KEYS" in sentence


@pytest.mark.django_db
def test_a_model_of_this_machine_that_does_not_run_is_a_warning() -> None:
    cards.offer({"smollm2-135m-instruct": "http://127.0.0.1:9/v1"}, "key")
    cards.offer({}, "key")

    warned, _none_left = told(outside.look_at_upstreams)

    assert warned[0] == Status.WARNING
    assert warned[1].startswith("smollm2-135m-instruct is not served now")


@pytest.mark.django_db
def test_a_draft_is_nobodys_outage() -> None:
    place = {"provider": "openai", "base_url": f"http://127.0.0.1:{free_port()}/v1"}
    offered_model("tiny", deployments=[place], status="draft")

    assert [status for status, _ in told(outside.look_at_upstreams)] == [Status.WARNING]


def test_a_folder_that_cannot_be_written_is_named(
    settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings.VAR_DIR = tmp_path / "file" / "var"

    ((status, sentence),) = told(servers.look_at_disk)

    assert status == Status.FAILURE
    assert sentence.endswith("or set VAR_DIR.")


def test_a_clock_that_is_off_is_a_failure() -> None:
    assert servers._skew("PostgreSQL", 100.0, 200.0, 200.1)[0] == Status.FAILURE
    assert servers._skew("PostgreSQL", 200.05, 200.0, 200.1)[0] == Status.OK


def test_the_answer_is_json_and_the_exit_code_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Finding("redis", Status.OK, "Well."), Finding("disk", Status.FAILURE, "!")]
    monkeypatch.setattr(
        "operations.management.commands.doctor.examine", lambda: iter(found)
    )

    with pytest.raises(SystemExit) as ending:
        call_command("doctor", "--json")

    answer = json.loads(capsys.readouterr().out)
    assert ending.value.code == 1
    assert answer["ok"] is False
    assert answer["findings"][1] == {
        "subject": "disk",
        "status": "failure",
        "sentence": "!",
    }


def test_a_sound_installation_ends_with_zero(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Finding("redis", Status.OK, "Redis answers.")]
    monkeypatch.setattr(
        "operations.management.commands.doctor.examine", lambda: iter(found)
    )

    call_command("doctor")

    assert capsys.readouterr().out.splitlines() == [
        "ok   redis      Redis answers.",
        "Everything the product needs is there.",
    ]
