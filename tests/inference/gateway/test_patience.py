"""Streams whose model thinks for long: kept open, and told of failures all the same."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from inference.usage.models import UsageEvent
from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.fakes.upstream import (
    DONE,
    EVENTS,
    USAGE,
    Script,
    Upstream,
    chunk,
    events,
    running_upstream,
    usage_event,
)
from tests.inference.gateway.conftest import HELLO, Customer, Gateway, recorded

Make = Callable[..., Customer]
THINKS = 1.6  # longer than the patient gateway waits


@pytest.fixture
def patient(gateway: Gateway, tmp_path: Path) -> Iterator[str]:
    """A gateway that begins a stream after one second of silence."""
    port = free_port()
    with running(
        asgi_command("inference.gateway.alone:application", port),
        product_environment(STREAM_COMMENTS_AFTER="1"),
        f"http://127.0.0.1:{port}/",
        tmp_path / "patient.log",
    ):
        yield f"http://127.0.0.1:{port}/v1"


def heard(who: Customer, path: str = "/chat/completions", **more: Any) -> bytes:
    """Return a stream's bytes, also those of one that has no proper end."""
    request = {"model": "scripted", "messages": HELLO, "stream": True, **more}
    bearer = {"authorization": f"Bearer {who.secret}"}
    found = b""
    with httpx.stream("POST", f"{who.url}{path}", json=request, headers=bearer) as it:
        assert it.status_code == 200
        assert it.headers["content-type"].startswith("text/event-stream")
        try:
            for piece in it.iter_raw():
                found += piece
        except httpx.RemoteProtocolError:
            pass
    return found


def test_comments_come_before_the_first_word_and_no_client_minds(
    customer: Make, offer: Any, upstream: Upstream, patient: str
) -> None:
    offer(upstream, "scripted")
    said = (chunk("Hello"), chunk(finish="stop"), usage_event(), DONE)
    upstream.scripts["scripted"] = events(THINKS, *said)
    ada = replace(customer(), url=patient)

    raw = heard(ada)
    client = openai.OpenAI(base_url=patient, api_key=ada.secret, max_retries=0)
    with client:
        parts = list(
            client.chat.completions.create(
                model="scripted", messages=HELLO, stream=True
            )
        )

    assert raw.startswith(b": keep-alive\n\n")
    assert raw.endswith(DONE)
    assert raw.count(b"Hello") == 1
    assert parts[0].choices[0].delta.content == "Hello"
    rows = recorded(2)
    assert {(row.status, row.tokens_in, row.tokens_out) for row in rows} == {
        ("ok", 9, 3)
    }
    assert all(
        row.first_byte_ms is not None and row.first_byte_ms > 1000 for row in rows
    )


def test_another_deployment_may_still_answer_after_the_comments(
    customer: Make, offer: Any, upstream: Upstream, patient: str
) -> None:
    with running_upstream() as second:
        second.scripts["scripted"] = events(chunk("Hello"), chunk(finish="stop"), DONE)
        upstream.scripts["scripted"] = Script([THINKS, None], headers=EVENTS)
        offer(upstream, "scripted", others=[second.url])

        raw = heard(replace(customer(), url=patient))

    assert raw.startswith(b": keep-alive\n\n")
    assert b"Hello" in raw
    assert raw.endswith(DONE)


@pytest.mark.parametrize(
    ("path", "sign"),
    [("/chat/completions", b'{"error":'), ("/messages", b"event: error")],
)
def test_a_failure_after_the_comments_is_told_as_an_event(
    customer: Make, offer: Any, upstream: Upstream, patient: str, path: str, sign: bytes
) -> None:
    offer(upstream, "scripted", first_byte_timeout=THINKS)
    upstream.scripts["scripted"] = events(30.0)
    ada = replace(customer(), url=patient)

    raw = heard(ada, path, max_tokens=10)

    assert sign in raw
    assert b"upstream_timeout" in raw or path == "/messages"
    assert DONE not in raw
    (row,) = recorded()
    assert (row.status, row.price_nano) == (UsageEvent.Status.TIMED_OUT, 0)


def test_who_leaves_while_a_model_thinks_pays_nothing_and_stops_it(
    customer: Make, offer: Any, upstream: Upstream, patient: str
) -> None:
    offer(upstream, "scripted")
    upstream.scripts["scripted"] = events(30.0)
    ada = replace(customer(), url=patient)

    with pytest.raises(httpx.ReadTimeout):
        ada.post(
            json={"model": "scripted", "messages": HELLO, "stream": True}, timeout=2
        )

    started = time.monotonic()
    (row,) = recorded()
    assert time.monotonic() - started < 3
    assert (row.status, row.price_nano) == (UsageEvent.Status.CLIENT_ABORT, 0)


def test_a_model_that_speaks_soon_is_answered_with_its_own_status(
    customer: Make, offer: Any, upstream: Upstream, patient: str
) -> None:
    offer(upstream, "status-500")
    ada = replace(customer(), url=patient)

    answer = ada.post(json={"model": "status-500", "messages": HELLO, "stream": True})

    assert answer.status_code == 502


def test_the_first_word_is_waited_for_once_not_once_more_after_the_headers(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted", first_byte_timeout=2)
    said = events(1.2, chunk("Hello"), chunk(finish="stop"), usage_event(), DONE)
    upstream.scripts["scripted"] = replace(said, thinks=1.2)

    response = customer().post(
        json={"model": "scripted", "messages": HELLO, "stream": True}
    )

    assert response.status_code == 504
    assert response.json()["error"]["code"] == "upstream_timeout"
    (row,) = recorded()
    assert (row.status, row.attempts, row.price_nano) == ("timed_out", 1, 0)
    # It may have been read, and run still.
    assert row.cost_nano > 0


def test_a_whole_answer_to_a_stream_has_the_time_of_a_whole_one(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted", first_byte_timeout=3)
    message = {"role": "assistant", "content": "Hello"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    late = json.dumps({"choices": [choice], "usage": USAGE}).encode()
    upstream.scripts["scripted"] = Script([3.5, late])

    assert b"Hello" in heard(customer())
    assert [row.status for row in recorded()] == ["ok"]
