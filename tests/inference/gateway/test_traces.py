"""A trace goes through the gateway, and holds nothing of what was said."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.fakes.upstream import Upstream, serving
from tests.inference.gateway.conftest import HELLO, Customer, Gateway, recorded

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Collector:
    """Takes what the gateway exports."""

    def __init__(self) -> None:
        self.port = free_port()
        self.bodies: list[bytes] = []
        self.lock = threading.Lock()

    async def answer(self, request: web.Request) -> web.Response:
        with self.lock:
            self.bodies.append(await request.read())
        return web.Response()

    @contextmanager
    def running(self) -> Iterator["Collector"]:
        application = web.Application()
        application.router.add_post("/v1/traces", self.answer)
        with serving(application, self.port):
            yield self

    def spans(self, count: int) -> list[Span]:
        """Return the spans once there are so many, in the order they began."""
        deadline = time.monotonic() + 30
        while True:
            found = [
                span
                for body in [*self.bodies]
                for resource in ExportTraceServiceRequest.FromString(
                    body
                ).resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
            if len(found) >= count:
                return sorted(found, key=lambda span: span.start_time_unix_nano)
            assert time.monotonic() < deadline, f"{len(found)} spans only"
            time.sleep(0.05)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector().running() as collector:
        yield collector


@pytest.fixture
def traced(gateway: Gateway, collector: Collector, tmp_path: Path) -> Iterator[str]:
    """A gateway that exports its spans to the collector, soon."""
    port = free_port()
    with running(
        asgi_command("inference.gateway.alone:application", port),
        product_environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}",
            OTEL_BSP_SCHEDULE_DELAY="50",
            OTEL_SERVICE_NAME="doorstone-test",
        ),
        f"http://127.0.0.1:{port}/",
        tmp_path / "traced.log",
    ):
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture
def ada(traced: str, customer: Callable[..., Customer]) -> Customer:
    return replace(customer(), url=traced)


def told(span: Span) -> dict[str, Any]:
    """Return a span's attributes."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value"))
        for each in span.attributes
    }


def test_a_callers_trace_goes_on_to_the_models_server(
    ada: Customer, collector: Collector, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    answer = ada.post(
        json={"model": "plain", "messages": HELLO}, headers={"traceparent": PARENT}
    )

    outer, inner = collector.spans(2)
    assert {span.trace_id.hex() for span in (outer, inner)} == {TRACE}
    assert outer.parent_span_id.hex() == "b7ad6b7169203331"
    assert inner.parent_span_id == outer.span_id
    assert outer.name == "POST /v1/chat/completions"
    facts = told(outer)
    assert facts["http.response.status_code"] == 200
    assert facts["doorstone.request_id"] == answer.headers["x-request-id"]
    assert facts["gen_ai.request.model"] == "plain"
    assert (facts["gen_ai.usage.input_tokens"], facts["doorstone.status"]) == (9, "ok")
    (asked,) = upstream.requests
    headers = {name.lower(): value for name, value in asked["headers"].items()}
    assert headers["traceparent"] == f"00-{TRACE}-{inner.span_id.hex()}-01"


@pytest.mark.parametrize("is_stream", [False, True])
def test_what_was_said_and_the_key_are_in_no_span(
    ada: Customer,
    collector: Collector,
    offer: Any,
    upstream: Upstream,
    is_stream: bool,
) -> None:
    offer(upstream, "plain")

    ada.post(json={"model": "plain", "messages": HELLO, "stream": is_stream})

    assert len({span.trace_id for span in collector.spans(2)}) == 1
    exported = b"".join(collector.bodies)
    assert b"plain" in exported
    assert b"doorstone-test" in exported
    for secret in ("Say hello", "Hello", ada.secret, "http://127"):
        assert secret.encode() not in exported


def test_each_try_is_a_span_and_one_that_failed_says_so(
    ada: Customer, collector: Collector, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", others=[upstream.url])
    upstream.refusals = [500]

    answer = ada.post(json={"model": "plain", "messages": HELLO})

    assert answer.status_code == 200
    outer, first, second = collector.spans(3)
    assert told(first)["error.type"] == "UpstreamFailed"
    assert first.status.code == first.status.STATUS_CODE_ERROR
    assert "error.type" not in told(second)
    assert [told(each)["doorstone.attempt"] for each in (first, second)] == [1, 2]
    assert told(outer)["doorstone.attempts"] == 2
    assert not first.events


def test_a_collector_that_is_away_hinders_nobody(
    gateway: Gateway,
    customer: Callable[..., Customer],
    offer: Any,
    upstream: Upstream,
    tmp_path: Path,
) -> None:
    offer(upstream, "plain")
    port = free_port()
    with running(
        asgi_command("inference.gateway.alone:application", port),
        product_environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"),
        f"http://127.0.0.1:{port}/",
        tmp_path / "lost.log",
    ):
        ada = replace(customer(), url=f"http://127.0.0.1:{port}/v1")
        answers = [ada.post(json={"model": "plain", "messages": HELLO}) for _ in "ab"]

        assert [each.status_code for each in answers] == [200, 200]
        recorded(2)


def test_without_a_collector_no_trace_is_passed_on(
    gateway: Gateway, customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    customer().post(
        json={"model": "plain", "messages": HELLO}, headers={"traceparent": PARENT}
    )

    (asked,) = upstream.requests
    assert "traceparent" not in {name.lower() for name in asked["headers"]}
