"""Traces of a process: off unless asked for, and never in the way of its end."""

import logging
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge import tracing
from tests.fakes.servers import free_port


@pytest.fixture(autouse=True)
def untraced() -> Iterator[None]:
    yield
    tracing.stop()


def test_without_a_collector_nothing_is_traced_and_no_header_is_passed_on() -> None:
    headers: dict[str, str] = {}

    assert not tracing.start()
    with tracing.serving("POST /v1", {}, {}) as outer, tracing.calling("chat", {}):
        tracing.inject(headers)

    assert outer is None
    assert headers == {}


def test_a_collector_that_is_away_does_not_hold_up_the_end(
    settings: Any,
) -> None:
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{free_port()}"
    assert tracing.start()
    with tracing.serving("POST /v1", {}, {}):
        pass

    began = time.monotonic()
    tracing.stop()

    # The SDK alone would try for eight seconds and more.
    assert time.monotonic() - began < tracing.FLUSH_SECONDS + 4
    assert not tracing.is_on()


def test_missing_packages_are_told_and_calls_go_on(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318"
    monkeypatch.setitem(
        sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None
    )

    with caplog.at_level(logging.ERROR, logger="edge.tracing"):
        assert not tracing.start()

    assert [record.message for record in caplog.records] == ["tracing.not_installed"]


def test_the_callers_trace_is_gone_on_from(settings: Any) -> None:
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{free_port()}"
    tracing.start()
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers: dict[str, str] = {}

    came = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    with tracing.serving("POST /v1", came, {}), tracing.calling("chat", {}):
        tracing.inject(headers)

    assert headers["traceparent"].startswith(f"00-{trace}-")
    assert "b7ad6b7169203331" not in headers["traceparent"]


@pytest.mark.parametrize("wrong", ["", "nonsense", "00-0-0-01", "ff-" + "0" * 32])
def test_a_trace_that_is_none_begins_a_new_one(settings: Any, wrong: str) -> None:
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{free_port()}"
    tracing.start()
    headers: dict[str, str] = {}

    with tracing.serving("POST /v1", {"traceparent": wrong}, {}):
        tracing.inject(headers)

    assert len(headers["traceparent"]) == 55
