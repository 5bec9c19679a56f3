"""The provider for compatible servers, against a real one that misbehaves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.crypto import encrypt
from inference.catalog.models import Deployment
from inference.providers.base import Answer, Ask, StreamBroke, UpstreamFailed
from inference.providers.openai import OpenAIProvider
from tests.fakes.servers import free_port
from tests.fakes.upstream import Upstream


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
        "bytes_per_token": 3.5,
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
        first_byte_timeout=1,
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


def test_an_answer_is_passed_on_under_our_name(upstream: Upstream) -> None:
    answer = complete(a_deployment(upstream, "plain"))

    assert b'"model":"ours"' in answer.body
    assert answer.usage == {
        "prompt_tokens": 9,
        "completion_tokens": 3,
        "total_tokens": 12,
    }


def test_an_upstream_without_usage_says_none(upstream: Upstream) -> None:
    assert complete(a_deployment(upstream, "no-usage")).usage is None


def test_the_upstream_gets_the_request_and_only_its_own_headers(
    upstream: Upstream, settings: Any
) -> None:
    credential = encrypt("sk-upstream")

    complete(a_deployment(upstream, "plain", credential=credential))

    (request,) = upstream.requests
    assert request["payload"] == {**an_ask().payload, "model": "plain"}
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

    assert (failure.status, failure.is_retryable) == (0, True)
    assert not failure.is_timeout


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("status", "is_retryable"),
    [
        *((400, False), (401, False), (403, False), (404, False), (422, False)),
        *((429, True), (500, True), (502, True), (503, True), (504, False)),
    ],
)
def test_a_refusal_tells_whether_trying_on_makes_sense(
    upstream: Upstream, status: int, is_retryable: bool, is_stream: bool
) -> None:
    failure = failure_of(
        a_deployment(upstream, f"status-{status}"), is_stream=is_stream
    )

    assert (failure.status, failure.is_retryable) == (status, is_retryable)
    assert f"refused with {status}".encode() in failure.body
    assert failure.retry_after == ("7" if status == 429 else "")


def test_what_is_no_json_is_no_answer(upstream: Upstream) -> None:
    failure = failure_of(a_deployment(upstream, "garbage"))

    assert (failure.status, failure.is_retryable) == (502, True)


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

    assert (failure.status, failure.is_retryable) == (302, False)
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
