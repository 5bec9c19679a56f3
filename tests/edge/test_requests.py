"""What every request meets: an id, the right address, headers, health, logs."""

import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from logging.config import DictConfigurator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from config.logging import build_logging
from core.context import request_id
from core.logs import RequestIdFilter
from edge.callers import network_of, place_of
from edge.middleware import trusted_proxies
from embedded.postgres import EmbeddedPostgres
from inference.gateway.request import Request
from stores.redis import client as redis_client
from tests.fakes.servers import free_port

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, " , ", "10.0.0.1"),
        # As some proxies write it, and as no server of ours could keep it.
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (2, "::ffff:203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (1, "unknown", "10.0.0.1"),
        (1, "203.0.113.9é", "10.0.0.1"),
        (1, "01.02.03.04", "10.0.0.1"),
        (1, "1" * 5000, "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(
    trusted: int, forwarded: str, address: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = trusted
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    request = RequestFactory().get(
        "/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": forwarded}
    )
    trusted_proxies(view)(request)

    assert seen == [address]


def scope_of(*forwarded: bytes) -> dict[str, Any]:
    return {
        "method": "GET",
        "path": "/v1/models",
        "client": ("10.0.0.1", 4711),
        "headers": [(b"x-forwarded-for", value) for value in forwarded],
    }


@pytest.mark.parametrize(
    ("trusted", "sent", "address"),
    [
        # A proxy that adds a line of its own, below the one its caller made up.
        (1, (b"10.9.9.9", b"203.0.113.9"), "203.0.113.9"),
        (2, (b"10.9.9.9", b"203.0.113.9", b"10.0.0.2"), "203.0.113.9"),
        (1, (b"10.9.9.9, 203.0.113.9",), "203.0.113.9"),
        (1, (b"203.0.113.9,",), "203.0.113.9"),
        (1, (b"203.0.113.9:4711",), "203.0.113.9"),
        (0, (b"10.9.9.9",), "10.0.0.1"),
        (1, (), "10.0.0.1"),
        (2, (b"10.9.9.9",), "10.0.0.1"),
    ],
)
def test_the_gateway_and_the_pages_agree_who_calls(
    trusted: int, sent: tuple[bytes, ...], address: str, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = trusted
    seen: list[tuple[str, str]] = []

    def view(request: HttpRequest) -> HttpResponse:
        meta = request.META
        seen.append((meta["REMOTE_ADDR"], meta.get("HTTP_X_FORWARDED_FOR", "")))
        return HttpResponse()

    # As Django joins the lines of one header.
    joined = {"X-Forwarded-For": b",".join(sent).decode()} if sent else {}
    trusted_proxies(view)(
        RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers=joined)
    )
    asked = Request(scope_of(*sent), None, None, "")  # type: ignore[arg-type]

    assert asked.address == address
    # The libraries that count hops find the same address.
    assert seen == [(address, ",".join([address] * trusted))]


@pytest.mark.parametrize(
    ("address", "place", "network"),
    [
        ("203.0.113.9", "203.0.113.9/32", "203.0.113.0/24"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        # Of a server that listens to both: all of IPv4 is not one network.
        ("::ffff:203.0.113.9", "203.0.113.9/32", "203.0.113.0/24"),
        ("", "", ""),
    ],
)
def test_strangers_are_counted_by_what_they_cannot_change(
    address: str, place: str, network: str
) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=address)

    assert place_of(request) == place
    assert network_of(address) == network


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/", 200),
        ("get", "/healthz", 200),
        ("get", "/readyz", 200),
        ("get", "/api/v1/plans/", 200),
        ("get", "/api/docs/", 200),
        ("get", "/static/vendor/htmx/htmx.min.js", 200),
        ("get", "/settings/", 302),
        ("get", "/forum/?cursor=broken", 400),
        ("get", "/api/v1/topics/?cursor=broken", 400),
        ("post", "/accounts/login/", 403),
        ("get", "/nothing/", 404),
        ("get", "/api/v1/nothing/", 404),
        ("post", "/healthz", 405),
        ("post", "/", 405),
    ],
)
def test_every_kind_of_answer_carries_the_headers(
    method: str, path: str, status: int
) -> None:
    client = Client(enforce_csrf_checks=status == 403)

    answer = client.generic(method.upper(), path)
    answer.close()

    policy = answer["Content-Security-Policy"]
    assert answer.status_code == status
    assert {name: answer.get(name) for name in HEADERS} == HEADERS
    assert answer["X-Request-ID"].startswith("req_")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_a_bug_carries_them_too_and_shows_the_id_of_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("design.views.samples.api_examples", lambda _url: 1 / 0)
    caplog.handler.addFilter(RequestIdFilter())

    answer = Client(raise_request_exception=False).get("/")

    assert answer.status_code == 500
    assert {name: answer.get(name) for name in HEADERS} == HEADERS
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Request-ID"] in answer.text
    assert answer["X-Request-ID"] in {
        getattr(record, "request_id", "") for record in caplog.records
    }


def test_a_wrong_host_is_refused() -> None:
    answer = Client().get("/", headers={"Host": "evil.test"})

    assert answer.status_code == 400
    assert answer["X-Frame-Options"] == "DENY"


def test_the_way_to_https_leads_to_the_site_and_not_to_the_host_asked_for(
    settings: Any,
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    answer = Client().get("/forum/?kind=question", headers={"Host": "localhost"})

    assert answer.status_code == 301
    assert answer["Location"] == "https://testserver/forum/?kind=question"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        # Half a character, which PostgreSQL cannot keep.
        ("utf-7", b"a+2AA-b"),
        ("unicode_escape", rb"a\ud800b"),
        ("raw_unicode_escape", rb"a\ud800b"),
        # Codecs that read no text, or not by themselves.
        *(("hex", b"6161"), ("zlib", b"x"), ("base64", b"YQ=="), ("rot13", b"x")),
        *(("idna", b"xn--a"), ("punycode", b"a-\xff"), ("undefined", b"x")),
        ("utf-16", b"\x00\xd8a\x00"),
    ],
)
def test_a_form_in_another_encoding_is_refused(
    encoding: str, text: bytes, person: Callable[..., Any]
) -> None:
    client = Client()
    client.force_login(person("ada"))

    for path in ("/accounts/login/", "/language/", "/forum/new/", "/api/v1/topics/"):
        answer = send_form(client, path, text, encoding=encoding)

        assert answer.status_code == 400
        assert {name: answer.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "no-such"])
def test_a_form_that_names_our_encoding_is_read(encoding: str) -> None:
    answer = send_form(Client(), "/pricing/talk/", "门".encode(), encoding=encoding)

    assert 'value="门"' in answer.text


def send_form(client: Client, path: str, name: bytes, *, encoding: str) -> Any:
    """Send bytes as they are: the test client would write them in that encoding."""
    return client.generic(
        *("POST", path),
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n%s\r\n--x--\r\n'
        % name,
        content_type=f"multipart/form-data; boundary=x; charset={encoding}",
    )


def test_answers_to_people_are_kept_by_no_cache(person: Callable[..., Any]) -> None:
    client = Client()
    client.force_login(person("ada"))

    assert client.get("/settings/profile/")["Cache-Control"] == "private, no-store"


def test_every_request_has_an_id_of_its_own() -> None:
    made = {Client().get("/healthz")["X-Request-ID"] for _ in range(20)}

    assert len(made) == 20
    assert request_id.get() == "-"


def test_readiness_names_each_part_and_its_time() -> None:
    answer = Client().get("/readyz")

    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "ok")
    assert set(body["checks"]) == {"database", "migrations", "redis"}
    assert all(part["ok"] and part["ms"] >= 0 for part in body["checks"].values())


def test_without_redis_a_process_is_degraded_but_serves(settings: Any) -> None:
    settings.REDIS_CACHE_URL = f"redis://127.0.0.1:{free_port()}/0"
    redis_client.cache_clear()
    try:
        answer = Client().get("/readyz")
    finally:
        settings.REDIS_CACHE_URL = settings.REDIS_BROKER_URL
        redis_client.cache_clear()

    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "degraded")
    assert [name for name, part in body["checks"].items() if not part["ok"]] == [
        "redis"
    ]


PROCESS = """
import django
django.setup()
from django.db import close_old_connections, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

recorder = MigrationRecorder(connection)
recorder.ensure_schema()
recorder.migration_qs.bulk_create(
    recorder.Migration(app=app, name=name)
    for app, name in MigrationLoader(connection).graph.nodes
)
client = Client()
for path in iter(input, ""):
    # A server does so between requests; the test client does not.
    close_old_connections()
    answer = client.get(path)
    print(answer.status_code, answer.text.strip(), flush=True)
"""


def test_a_process_says_when_its_database_goes_and_when_it_is_back(
    server_folder: Path, settings: Any
) -> None:
    database = EmbeddedPostgres(server_folder / "data")
    environment = {
        **os.environ,
        "DATABASE_URL": database.start(),
        "REDIS_URL": settings.REDIS_URL,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(path: str) -> tuple[int, str]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        status, body = process.stdout.readline().split(maxsplit=1)
        return int(status), body.strip()

    try:
        before = ask("/readyz")
        database.stop()
        during, alive = ask("/readyz"), ask("/healthz")
        database.start()
        back_by = time.monotonic() + 10
        while (after := ask("/readyz"))[0] != 200 and time.monotonic() < back_by:
            time.sleep(0.1)
    finally:
        process.communicate("\n", timeout=10)
        database.stop()

    checks = json.loads(during[1])["checks"]
    assert [before[0], during[0], after[0]] == [200, 503, 200]
    assert json.loads(during[1])["status"] == "unavailable"
    assert [name for name, part in checks.items() if not part["ok"]] == ["database"]
    assert alive == (200, "ok")


def test_a_log_line_is_json_with_the_id_of_its_request() -> None:
    stream = io.StringIO()
    shape = build_logging(as_json=True)
    configurator = DictConfigurator(shape)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        configurator.configure_formatter(dict(shape["formatters"]["json"]))
    )
    handler.addFilter(RequestIdFilter())
    logger = logging.getLogger("tests.usage")
    logger.addHandler(handler)
    token = request_id.set("req_x")
    try:
        logger.info("usage.recorded", extra={"tokens": 3})
    finally:
        request_id.reset(token)
        logger.removeHandler(handler)

    line = json.loads(stream.getvalue())
    assert line["message"] == "usage.recorded"
    assert (line["request_id"], line["tokens"]) == ("req_x", 3)


def test_no_secret_of_a_request_reaches_the_log(
    caplog: pytest.LogCaptureFixture, person: Callable[..., Any]
) -> None:
    from accounts.tokens import create_token

    _token, secret = create_token(person("ada"), name="CI", scopes=["read"])
    caplog.set_level(logging.DEBUG)

    Client().get("/api/v1/plans/", headers={"Authorization": f"Bearer {secret}"})
    Client().get("/nothing/", headers={"Authorization": f"Bearer {secret}"})
    Client().post(
        "/accounts/login/", {"login": "ada@example.test", "password": "a hidden phrase"}
    )

    said = " ".join(str(vars(record)) for record in caplog.records)
    assert secret not in said
    assert "a hidden phrase" not in said
