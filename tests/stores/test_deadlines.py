"""Every client of another server has a deadline somebody chose.

A library's own is seldom one: none at all, eighty seconds, or ten tries of five.
"""

import ast
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from billing.stripe import adapter
from stores import nudging
from stores.lean_redis import LOOK_SECONDS, LeanRedis
from stores.postgresql import driver
from stores.redis import TIMEOUT, client
from tests.config.test_environment import show

ROOT = Path(__file__).resolve().parents[2]
# What makes a client, and what has to be among the words of that call.
CLIENTS = {
    r"(^|\.)Redis\.from_url$|(^|\.)BoundedRedis\.from_url$": {
        "socket_timeout",
        "socket_connect_timeout",
    },
    r"(^|\.)AsyncConnectionPool$|(^|\.)ConnectionPool$": {"connection_class"},
    r"^psycopg\.connect$|(^|\.)Connection\.connect$": {"connect_timeout"},
    r"(^|\.)StripeClient$": {"http_client", "max_network_retries"},
    r"(^|\.)RequestsClient$": {"timeout"},
    r"(^|\.)ClientSession$": {"timeout"},
    r"(^|\.)ClientTimeout$": {"connect", "sock_connect"},
    r"(^|\.)SMTP(_SSL)?$": {"timeout"},
    r"(^|\.)connection_for_(read|write)$": {"transport_options"},
    r"^httpx\.(Client|AsyncClient|get|post)$|^requests\.(get|post|Session)$": {
        "timeout"
    },
    r"(^|\.)urlopen$": {"timeout"},
}
# Where the time-out comes with a position instead of a name.
BY_POSITION = {r"(^|\.)create_connection$": 2}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield where and how anything is called in the product."""
    for area in ("platform", "community", "billing", "inference"):
        for path in sorted((ROOT / area).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_whoever_makes_a_client_chooses_its_deadlines() -> None:
    found, without = 0, []
    for place, call in calls():
        name = ast.unparse(call.func)
        for pattern, wanted in CLIENTS.items():
            if re.search(pattern, name):
                found += 1
                given = {keyword.arg for keyword in call.keywords}
                if not wanted <= given and None not in given:
                    without.append((place, name, wanted - given))
        for pattern, position in BY_POSITION.items():
            if re.search(pattern, name) and "loop" not in name:
                found += 1
                names = {keyword.arg for keyword in call.keywords}
                if len(call.args) < position and "timeout" not in names:
                    without.append((place, name, {"timeout"}))

    assert without == []
    # The patterns still find what they are about.
    assert found >= 8


def test_no_other_library_that_connects_has_come_in_unseen() -> None:
    """A new client library needs a line in ``CLIENTS``."""
    known = {"aiohttp", "httpx", "psycopg", "redis", "requests", "smtplib", "stripe"}
    clients = {"aioredis", "asyncpg", "boto3", "elasticsearch", "grpc", "pymongo"}
    clients |= {"urllib3", "websockets", "httplib2", "pika", "paramiko"}
    imported = set()
    for area in ("platform", "community", "billing", "inference"):
        for path in (ROOT / area).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    imported.add(node.module.partition(".")[0])

    assert not imported & clients
    assert {"aiohttp", "psycopg", "redis", "stripe"} <= imported & known


@pytest.fixture(scope="module")
def web() -> dict[str, Any]:
    """The deadlines of a process that serves pages."""
    return show("STORE_SILENCE", "DATABASES", DATABASE_POOL="1")


def test_a_request_waits_for_a_silent_server_no_longer_than_a_second(
    web: dict[str, Any],
) -> None:
    # For its word, and as long for that of a connection made for it.
    assert 2 * web["STORE_SILENCE"] <= 1.0
    assert web["STORE_SILENCE"] + LOOK_SECONDS <= 1.0
    assert web["DATABASES"]["default"]["OPTIONS"]["connect_timeout"] == 2


def test_commands_and_jobs_wait_for_a_busy_machine(web: dict[str, Any]) -> None:
    """Half a second has been too short for a ``make run`` beside other work."""
    job = show("STORE_SILENCE", "DATABASES")

    assert job["STORE_SILENCE"] >= 8 * web["STORE_SILENCE"]
    # The product is back ten seconds after an outage at the latest.
    assert 2 * job["STORE_SILENCE"] < 10
    assert job["DATABASES"]["default"]["OPTIONS"]["connect_timeout"] >= 4


@contextmanager
def slow_server(seconds: float) -> Iterator[driver.Server]:
    """Serve one caller who hears a first word after some ``seconds``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.recv(1024)
                time.sleep(seconds)
                caller.sendall(b"R")

        serving = Thread(target=serve)
        serving.start()
        port = listener.getsockname()[1]
        yield driver.Server("127.0.0.1", port, "ada", "doorstone")
        serving.join()


@pytest.mark.parametrize(
    ("patience", "is_answering"), [(driver.GREETING, True), (0.5, False)]
)
def test_a_server_is_waited_for_as_long_as_the_process_has_patience(
    patience: float, is_answering: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "GREETING", patience)

    with slow_server(1.5) as server:
        began = time.monotonic()
        assert server.is_answering() is is_answering

    assert time.monotonic() - began < patience + 1.5


@pytest.mark.django_db
def test_every_statement_has_the_deadlines_of_its_process() -> None:
    connection.ensure_connection()

    assert connection.settings_dict["ENGINE"] == "stores.postgresql"
    assert isinstance(connection.connection, driver.BoundedConnection)
    assert driver.SILENCE == driver.GREETING == settings.STORE_SILENCE
    options = connection.settings_dict["OPTIONS"]
    assert {"keepalives_idle", "tcp_user_timeout"} <= set(options)
    assert "statement_timeout" in options["options"]
    assert "lock_timeout" in options["options"]


def test_redis_and_the_broker_have_the_deadline_of_their_process() -> None:
    given = client().connection_pool.connection_kwargs

    assert settings.STORE_SILENCE == TIMEOUT
    assert (given["socket_timeout"], given["socket_connect_timeout"]) == (
        TIMEOUT,
        TIMEOUT,
    )
    assert given["retry"].get_retries() == 0
    assert nudging.TRANSPORT["socket_timeout"] == TIMEOUT
    assert nudging.TRANSPORT["max_retries"] == 0
    assert LeanRedis("redis://127.0.0.1:1/0").timeout == TIMEOUT


def test_workers_have_deadlines_for_the_broker_and_for_mail() -> None:
    transport: dict[str, Any] = settings.CELERY_BROKER_TRANSPORT_OPTIONS

    assert 0 < transport["socket_timeout"] <= 5
    assert 0 < transport["socket_connect_timeout"] <= 2
    assert 0 < settings.EMAIL_TIMEOUT <= 10


def test_a_buyer_waits_for_stripe_once_and_no_longer_than_for_a_page(
    settings: Any,
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_deadlines"
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    requestor: Any = adapter.client()._requestor
    connect, answer = requestor._client._timeout

    assert requestor._options.max_network_retries == 0
    assert connect <= 1.0
    assert answer <= 3.0
