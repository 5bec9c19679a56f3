"""A gateway with no room says so at once, in the words of each protocol."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer, Gateway
from tests.waiting import wait_for

ROOM = 2


@pytest.fixture
def narrow(gateway: Gateway, tmp_path: Path) -> Iterator[str]:
    """A gateway that works on two requests at once."""
    port = free_port()
    with running(
        asgi_command("inference.gateway.alone:application", port),
        product_environment(GATEWAY_REQUESTS_AT_ONCE=str(ROOM), METRICS_TOKEN="scrape"),
        f"http://127.0.0.1:{port}/",
        tmp_path / "narrow.log",
    ):
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture
def full(
    narrow: str, customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> Iterator[tuple[Customer, Callable[[], None]]]:
    """Somebody whose calls fill the gateway, and what ends these calls."""
    offer(upstream, "never")
    offer(upstream, "plain")
    ada = replace(customer(), url=narrow)
    with ExitStack() as calls:
        for number in range(ROOM):
            calls.enter_context(calling(narrow, ada.secret))
            wait_for(partial(_was_asked, upstream, number + 1))
        yield ada, calls.close


def _was_asked(upstream: Upstream, times: int) -> bool:
    return len(upstream.requests) == times


def calling(url: str, secret: str) -> socket.socket:
    """Begin a call that is never answered; it ends when its socket is closed."""
    body = json.dumps({"model": "never", "messages": HELLO}).encode()
    address = urlsplit(url)
    call = socket.create_connection((address.hostname, address.port), timeout=30)
    call.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {address.netloc}\r\n"
        f"authorization: Bearer {secret}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return call


def test_each_protocol_is_told_when_to_come_again(
    full: tuple[Customer, Callable[[], None]], narrow: str, upstream: Upstream
) -> None:
    ada, _end = full
    body = {"model": "plain", "messages": HELLO, "max_tokens": 5}

    chat = ada.post(json=body)
    messages = ada.post("/messages", json=body)

    assert chat.status_code == 503
    assert chat.json()["error"]["code"] == "overloaded"
    assert chat.headers["retry-after"] == "1"
    assert chat.headers["x-request-id"].startswith("req_")
    assert messages.status_code == 529
    assert messages.json()["error"]["type"] == "overloaded_error"
    assert messages.headers["retry-after"] == "1"
    assert len(upstream.requests) == ROOM
    scraped = httpx.get(
        narrow.replace("/v1", "/metrics"), headers={"authorization": "Bearer scrape"}
    )
    assert 'doorstone_shed_total{part="gateway"} 2.0' in scraped.text


def test_who_leaves_makes_room(full: tuple[Customer, Callable[[], None]]) -> None:
    ada, end = full
    body = {"model": "plain", "messages": HELLO}
    assert ada.post(json=body).status_code == 503

    end()

    wait_for(lambda: ada.post(json=body).status_code == 200)
