"""Two gateways before servers that die and come back: what one sees, both know."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.crypto import encrypt
from inference.catalog.alarms import refusals
from inference.catalog.models import Deployment
from tests.fakes.compatible import Compatible, running_compatible
from tests.fakes.servers import (
    asgi_command,
    free_port,
    product_environment,
    running,
)
from tests.fakes.upstream import Upstream, serving
from tests.inference.gateway.conftest import HELLO, PRO, Customer, Gateway
from tests.waiting import wait_for

Make = Callable[..., Customer]


@pytest.fixture
def other_gateway(gateway: Gateway, tmp_path: Path) -> Iterator[str]:
    """A second process with the same Redis and PostgreSQL."""
    port = free_port()
    with running(
        asgi_command("inference.gateway.alone:application", port),
        product_environment(TRUSTED_PROXIES="1"),
        f"http://127.0.0.1:{port}/",
        tmp_path / "other.log",
    ):
        yield f"http://127.0.0.1:{port}/v1"


def code_of(who: Customer, model: str) -> str:
    """Call a model; return the code it was refused with, or nothing."""
    answer = who.post(json={"model": model, "messages": HELLO})
    return "" if answer.status_code == 200 else str(answer.json()["error"]["code"])


def test_a_server_that_died_is_left_by_all_processes_and_found_again_by_none_calling(
    customer: Make, offer: Any, other_gateway: str
) -> None:
    upstream = Upstream()
    offer(upstream, "plain")
    ada = customer("ada", features=PRO)
    ben = replace(customer("ben", features=PRO), url=other_gateway)

    # Nobody is there. Three requests are all that finds that out.
    met = [code_of(ada, "plain") for _ in range(3)]
    wait_for(lambda: code_of(ben, "plain") == "no_deployment", seconds=10)
    application = web.Application()
    application.router.add_post("/v1/{tail:.*}", upstream.answer)
    with serving(application, upstream.port):
        # A look every two seconds finds it, and tells the other process.
        wait_for(lambda: code_of(ben, "plain") == "", seconds=20)
        wait_for(lambda: code_of(ada, "plain") == "", seconds=10)

    assert met[0] == "upstream_error"
    assert set(met) <= {"upstream_error", "no_deployment"}


def test_a_dead_credential_fails_over_at_once_and_is_then_left_alone(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    dead = Compatible(key="another")
    with running_compatible(dead):
        offer(
            upstream,
            "plain",
            others=[f"{dead.origin}/v1"],
            credential=encrypt("sk-upstream"),
        )
        first = Deployment.objects.get(base_url=upstream.url)
        refused = Deployment.objects.exclude(pk=first.pk).get()
        Deployment.objects.filter(pk=first.pk).update(priority=2)
        ada, ben = customer("ada", features=PRO), customer("ben", features=PRO)

        answered = code_of(ada, "plain")
        wait_for(lambda: refusals([refused.pk]) == {refused.pk: 401}, seconds=15)
        # The look at it was refused as well: it is no request's fault.
        asked = len(dead.asked)
        others = [code_of(who, "plain") for who in (ben, ada, ben, ada)]

    assert (answered, others) == ("", [""] * 4)
    assert asked <= 1
    assert len(dead.asked) <= asked + 1


def test_a_server_nobody_calls_is_looked_at_before_somebody_needs_it(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    silent = Compatible(key="another")
    with running_compatible(silent):
        upstream.port = silent.port
        offer(upstream, "idle", credential=encrypt("sk-upstream"))
        place = Deployment.objects.get()

        wait_for(lambda: refusals([place.pk]) == {place.pk: 401}, seconds=20)

    assert silent.asked == []
    assert set(silent.keys) == {"sk-upstream"}
