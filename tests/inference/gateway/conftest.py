"""A real gateway process on this test's database, and callers with keys."""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection
from openai import OpenAI

from accounts.queries import personal_organisation
from entitlements import services as entitlements
from entitlements.features import Features
from inference.catalog import services as catalog
from inference.catalog.models import Deployment, Model
from inference.keys.models import ApiKey
from inference.keys.services import create_key
from inference.usage.models import UsageEvent
from stores.redis import client, prefixed
from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.fakes.upstream import Upstream, running_upstream

RATES = catalog.Rates.from_dollars("1", "2", "0.5", "1")
_addresses = count(1)
HELLO: Any = [{"role": "user", "content": "Say hello."}]
PRO = Features(plan="pro", premium_models=True, requests_per_minute=600)


@dataclass
class Gateway:
    """Where the gateway listens, and its process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class Customer:
    """Somebody with a key."""

    user: Any
    organisation: Any
    key: ApiKey
    secret: str
    client: OpenAI
    url: str

    def post(
        self, path: str = "/chat/completions", /, *, headers: Any = None, **request: Any
    ) -> httpx.Response:
        """Send what the SDK would not."""
        bearer = {"authorization": f"Bearer {self.secret}"}
        return httpx.post(
            f"{self.url}{path}", headers={**bearer, **(headers or {})}, **request
        )


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with running_upstream() as server:
        yield server


@pytest.fixture
def address() -> str:
    """Where a test calls from, and no other: the gateway counts guesses by address.

    Its process outlives the test, and what it counts is forgotten after a minute.
    """
    return str(IPv4Address("10.0.0.0") + next(_addresses))


@pytest.fixture
def offer(db: None) -> Callable[..., Model]:
    """Return a function that offers a model run by a fake upstream."""

    def make(upstream: Upstream, behaviour: str, **fields: Any) -> Model:
        shared = {
            "provider": Deployment.Provider.OPENAI,
            "upstream_model": behaviour,
            "first_byte_timeout": fields.pop("first_byte_timeout", 20),
            "idle_timeout": fields.pop("idle_timeout", 90),
            "on_disconnect": fields.pop("on_disconnect", "abort"),
            "total_timeout": fields.pop("total_timeout", 600),
            "options": fields.pop("options", {}),
            "credential": fields.pop("credential", ""),
        }
        addresses = [upstream.url, *fields.pop("others", [])]
        deployments = [
            {**shared, "base_url": address, "priority": priority}
            for priority, address in enumerate(addresses)
        ]
        edition = fields.pop("edition", "open")
        return catalog.publish_model(
            fields.pop("slug", behaviour),
            title=behaviour,
            edition=edition,
            summary="A test model.",
            context_tokens=fields.pop("context_tokens", 8000),
            max_output_tokens=fields.pop("max_output_tokens", 1000),
            default_output_tokens=100,
            deployments=deployments,
            rates=fields.pop("rates", RATES),
            **fields,
        )

    return make


@pytest.fixture(scope="session")
def gateway_process(
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    port = free_port()
    log = tmp_path_factory.mktemp("gateway") / "gateway.log"
    command = asgi_command("inference.gateway.alone:application", port)
    with running(
        command,
        product_environment(TRUSTED_PROXIES="1"),
        f"http://127.0.0.1:{port}/",
        log,
    ) as process:
        yield Gateway(f"http://127.0.0.1:{port}/v1", process, log)


@pytest.fixture
def gateway(transactional_db: None, gateway_process: Gateway) -> Iterator[Gateway]:
    """One gateway for all tests; what a test offers or changes is announced to it."""
    yield gateway_process
    wait_until_quiet()


def wait_until_quiet() -> None:
    """Wait until the gateway works on nothing: the tables are emptied next.

    A request is over once its reservation is given back, which comes after the
    commit, also where its caller left and the upstream still speaks.
    """
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not _is_held() and not _is_busy():
            return
        time.sleep(0.02)


def _is_held() -> bool:
    """Whether something is reserved for a request that is not committed yet."""
    return bool(client().zcard(prefixed("gw:reservations")))


def _is_busy() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state <> 'idle'"
            " AND backend_type = 'client backend'"
        )
        return bool(cursor.fetchone() != (0,))


def recorded(count: int = 1) -> list[UsageEvent]:
    """Return the usage rows once there are ``count`` of them."""
    deadline = time.monotonic() + 10
    while UsageEvent.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return list(UsageEvent.objects.order_by("occurred_at"))


@pytest.fixture
def customer(
    gateway: Gateway, person: Callable[..., Any]
) -> Iterator[Callable[..., Customer]]:
    """Return a function that makes somebody with a key."""
    clients: list[OpenAI] = []

    def make(
        name: str = "ada", features: Features | None = None, **fields: Any
    ) -> Customer:
        user = person(name)
        organisation = personal_organisation(user)
        if features is not None:
            entitlements.replace_for(organisation.pk, features, source="test")
        key, secret = create_key(organisation, name="Test", by=user, **fields)
        client = OpenAI(base_url=gateway.url, api_key=secret, max_retries=0)
        clients.append(client)
        return Customer(user, organisation, key, secret, client, gateway.url)

    yield make
    for each in clients:
        each.close()
