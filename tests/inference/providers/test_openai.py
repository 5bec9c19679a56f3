"""The provider for compatible servers, against a real one that misbehaves."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from core.crypto import encrypt
from inference.catalog.models import Deployment
from inference.providers.base import Answer, Ask, StreamBroke, UpstreamFailed
from inference.providers.openai import OpenAIProvider
from inference.providers.wire import seconds_of
from tests.fakes.servers import free_port
from tests.fakes.upstream import JSON, Script, Upstream


def an_ask(**fields: Any) -> Ask:
    values: dict[str, Any] = {
        "request_id": "req_0001",
        "endpoint": "chat/completions",
        "payload": {
            "model": "ours",
            "messages": [{"role": "user", "content": "Hello?"}],
            "tools": [],
        },
        "is_stream": False,
        "model": "ours",
        "created": 1,
        "max_tokens": 100,
        **fields,
    }
    if values["is_stream"]:
        values["payload"] = {**values["payload"], "stream": True}
    return Ask(**values)


def a_deployment(upstream: Upstream, behaviour: str, **fields: Any) -> Deployment:
    return Deployment(
        pk=1,
        provider="openai",
        base_url=upstream.url,
        upstream_model=behaviour,
        first_byte_timeout=30,
        **fields,
    )


def using(work: Callable[[OpenAIProvider], Awaitable[Any]]) -> Any:
    """Run ``work`` with a provider and close it."""

    async def run() -> Any:
        provider = OpenAIProvider()
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(run())


def complete(deployment: Deployment, ask: Ask | None = None) -> Answer:
    answer: Answer = using(
        lambda provider: provider.complete(deployment, ask or an_ask())
    )
    return answer


def read_stream(deployment: Deployment) -> bytes:
    async def read(provider: OpenAIProvider) -> bytes:
        stream = await provider.stream(deployment, an_ask(is_stream=True))
        return b"".join([piece async for piece in stream.pieces])

    body: bytes = using(read)
    return body


def failure_of(deployment: Deployment, **fields: Any) -> UpstreamFailed:
    async def fail(provider: OpenAIProvider) -> Any:
        ask = an_ask(**fields)
        if ask.is_stream:
            return await provider.stream(deployment, ask)
        return await provider.complete(deployment, ask)

    with pytest.raises(UpstreamFailed) as refused:
        using(fail)
    return refused.value


def test_an_answer_is_what_the_upstream_says(upstream: Upstream) -> None:
    answer = complete(a_deployment(upstream, "plain"))

    assert answer.value["choices"][0]["message"]["content"] == "Hello there!"
    assert answer.value["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 3,
        "total_tokens": 12,
    }


def test_an_upstream_without_usage_says_none(upstream: Upstream) -> None:
    assert "usage" not in complete(a_deployment(upstream, "no-usage")).value


def test_the_upstream_gets_the_request_and_only_its_own_headers(
    upstream: Upstream, settings: Any
) -> None:
    credential = encrypt("sk-upstream")

    complete(a_deployment(upstream, "plain", credential=credential))

    (request,) = upstream.requests
    assert request["payload"] == {
        **an_ask().payload,
        "model": "plain",
        "max_tokens": 100,
    }
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert headers["authorization"] == "Bearer sk-upstream"
    assert set(headers) <= {
        *("host", "content-type", "accept", "authorization"),
        *("accept-encoding", "content-length", "user-agent"),
    }
    assert "Doorstone" not in str(headers)


def test_without_a_credential_none_is_sent(upstream: Upstream) -> None:
    complete(a_deployment(upstream, "plain"))

    (request,) = upstream.requests
    assert "authorization" not in {name.lower() for name in request["headers"]}


def test_a_stream_is_asked_for_its_usage(upstream: Upstream) -> None:
    body = read_stream(a_deployment(upstream, "plain"))

    assert body.endswith(b"data: [DONE]\n\n")
    assert upstream.requests[0]["payload"]["stream_options"] == {"include_usage": True}


def test_a_server_that_is_not_there_may_be_tried_elsewhere() -> None:
    gone = Upstream()
    gone.port = free_port()

    failure = failure_of(a_deployment(gone, "plain"))

    assert (failure.status, failure.is_unreachable) == (0, True)
    assert not failure.is_timeout


SAID = b'{"error": {"message": "Your prompt is too long.", "code": "y"}}'


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (Script([SAID[:20], 0.05, SAID[20:]], 400), SAID),
        (Script([SAID, 0.05, None], 400), SAID),
        (Script([SAID, 30.0], 400), SAID),
        (Script([SAID], 400, {**JSON, "content-encoding": "gzip"}), b""),
    ],
    ids=["in pieces", "broken off", "never ended", "not packed as it says"],
)
def test_a_refusal_is_one_however_its_words_arrive(
    upstream: Upstream, script: Script, said: bytes, is_stream: bool
) -> None:
    upstream.scripts["refusing"] = script
    began_at = time.monotonic()

    failure = failure_of(a_deployment(upstream, "refusing"), is_stream=is_stream)

    assert (failure.status, failure.body) == (400, said)
    # Well before the pause of thirty seconds is over.
    assert time.monotonic() - began_at < 15


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 502, 503, 504])
def test_a_refusal_keeps_what_was_said(
    upstream: Upstream, status: int, is_stream: bool
) -> None:
    failure = failure_of(
        a_deployment(upstream, f"status-{status}"), is_stream=is_stream
    )

    assert failure.status == status
    assert not failure.was_run
    assert f"refused with {status}".encode() in failure.body
    assert failure.retry_after == (7.0 if status == 429 else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "-4"}, None),
        ({"retry-after-ms": "nan"}, None),
    ],
)
def test_a_wait_is_read_in_each_way_it_is_written(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert seconds_of(headers) == seconds


def test_a_date_in_the_future_is_the_time_until_it() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    assert 25 < (seconds_of({"retry-after": moment}) or 0) <= 30


def test_what_is_no_json_is_no_answer_and_was_run(upstream: Upstream) -> None:
    failure = failure_of(a_deployment(upstream, "garbage"))

    assert (failure.status, failure.was_run) == (200, True)


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_error_with_the_status_of_an_answer_may_have_cost(
    upstream: Upstream, is_stream: bool
) -> None:
    failure = failure_of(a_deployment(upstream, "status-202"), is_stream=is_stream)

    # It says that nothing was done; who knows what was read for it.
    assert (failure.status, failure.was_run) == (202, False)
    assert failure.may_have_cost
    assert not UpstreamFailed(500).may_have_cost
    assert not UpstreamFailed(0, is_unreachable=True).may_have_cost
    assert UpstreamFailed(0, is_timeout=True).may_have_cost


@pytest.mark.parametrize("sent", [{}, {"max_tokens": 7}, {"max_completion_tokens": 9}])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_longest_answer_is_always_sent_under_one_name(
    upstream: Upstream, sent: dict[str, Any], name: str
) -> None:
    options = {"max_tokens_field": name} if name != "max_tokens" else {}
    payload = {**an_ask().payload, **sent}

    complete(a_deployment(upstream, "plain", options=options), an_ask(payload=payload))

    told = upstream.requests[0]["payload"]
    names = {"max_tokens", "max_completion_tokens"} & set(told)
    assert (names, told[name]) == ({name}, 100)


def test_the_time_to_connect_is_the_deployments_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What every server has for a handshake is longer than this one's time.
    monkeypatch.setattr("inference.providers.lean_http.TCP_SECONDS", 30)
    took = []
    # Its queue is full, so whoever comes next is left standing at the door.
    with ExitStack() as stack:
        door = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = door.getsockname()[1]
        for _ in range(3):
            guest = stack.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(("127.0.0.1", port))
        place = Deployment(
            pk=1,
            provider="openai",
            base_url=f"http://127.0.0.1:{port}/v1",
            connect_timeout=0.2,
            total_timeout=30,
        )
        # A machine that is busy for a moment is not so three times.
        for _ in range(3):
            started = time.monotonic()
            failure = failure_of(place)
            took.append(time.monotonic() - started)

            assert failure.is_unreachable
    assert 0.1 < min(took) < 2


def test_a_stream_that_breaks_off_says_so_after_its_first_piece(
    upstream: Upstream,
) -> None:
    seen: list[bytes] = []

    async def read(provider: OpenAIProvider) -> None:
        stream = await provider.stream(
            a_deployment(upstream, "cut"), an_ask(is_stream=True)
        )
        while True:
            seen.append(await anext(stream.pieces))

    with pytest.raises(StreamBroke):
        using(read)

    assert b"Hello" in b"".join(seen)


def test_a_redirect_is_not_followed(upstream: Upstream) -> None:
    failure = failure_of(a_deployment(upstream, "redirect"))

    assert failure.status == 302
    assert len(upstream.requests) == 1


def test_a_changed_credential_is_used_at_once(upstream: Upstream) -> None:
    async def twice(provider: OpenAIProvider) -> None:
        for secret in ("sk-old", "sk-new"):
            deployment = a_deployment(upstream, "plain", credential=encrypt(secret))
            await provider.complete(deployment, an_ask())

    using(twice)

    sent = [
        {name.lower(): value for name, value in request["headers"].items()}
        for request in upstream.requests
    ]
    assert [headers["authorization"] for headers in sent] == [
        "Bearer sk-old",
        "Bearer sk-new",
    ]


def test_a_connection_that_closes_after_a_stream_is_no_failure() -> None:
    """llama.cpp's server ends one after a stream, while it is being used again."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        await reader.readexactly(length)
        body = b'{"choices": [], "usage": null}'
        size = f"content-length: {len(body)}\r\n\r\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + size)
        writer.write(body)
        await writer.drain()
        writer.close()

    async def run() -> int:
        server = await asyncio.start_server(answer, "127.0.0.1", free_port())
        port = server.sockets[0].getsockname()[1]
        place = Deployment(
            pk=1, provider="openai", base_url=f"http://127.0.0.1:{port}/v1"
        )
        provider = OpenAIProvider()
        answers = [await provider.complete(place, an_ask()) for _ in range(200)]
        await provider.close()
        server.close()
        return len(answers)

    assert asyncio.run(run()) == 200
