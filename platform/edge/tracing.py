"""OpenTelemetry traces, where the environment names a collector; else nothing at all.

The packages are an extra (``requirements/tracing.txt``) and are imported only when
``OTEL_EXPORTER_OTLP_ENDPOINT`` is set; the SDK reads the rest of its ``OTEL_*`` names
itself. Off, each place that asks costs one comparison. No prompt, answer, key or person
is ever in a span.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)
Attributes = Mapping[str, str | int | float | bool]
# What is left is sent while the process ends, which no collector is waited for longer.
FLUSH_SECONDS = 2.0
_NOTHING = nullcontext()


class _Sink:
    """The tracer of this process, once there is one."""

    tracer: Any = None
    provider: Any = None
    exporter: Any = None
    propagator: Any = None


def start() -> bool:
    """Begin to trace where that is wanted and can be; tell whether it is."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _Sink.tracer is not None:
        return is_on()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import (
            TraceContextTextMapPropagator,
        )
    except ImportError as missing:
        logger.error("tracing.not_installed", extra={"missing": missing.name})  # noqa: TRY400
        return False
    resource = Resource.create({"service.name": settings.OTEL_SERVICE_NAME})
    _Sink.provider = TracerProvider(resource=resource)
    _Sink.exporter = OTLPSpanExporter()
    _Sink.provider.add_span_processor(BatchSpanProcessor(_Sink.exporter))
    _Sink.propagator = TraceContextTextMapPropagator()
    _Sink.tracer = _Sink.provider.get_tracer("doorstone")
    return True


def stop() -> None:
    """Send what is left, for a moment, and trace no more."""
    provider, exporter = _Sink.provider, _Sink.exporter
    _Sink.tracer = _Sink.provider = _Sink.exporter = None
    if provider is None:
        return
    # The SDK waits for as long as its exporter tries again, whatever it is told.
    flush = threading.Thread(target=provider.force_flush, daemon=True)
    flush.start()
    flush.join(FLUSH_SECONDS)
    exporter.shutdown()
    provider.shutdown()


def is_on() -> bool:
    return _Sink.tracer is not None


def serving(
    name: str, headers: Mapping[str, str], attributes: Attributes
) -> AbstractContextManager[Any]:
    """Trace a request in the block, as a part of its caller's trace if it has one."""
    if _Sink.tracer is None:
        return _NOTHING
    return _serving(name, headers, attributes)


@contextmanager
def _serving(
    name: str, headers: Mapping[str, str], attributes: Attributes
) -> Iterator[Any]:
    from opentelemetry.trace import SpanKind

    with _Sink.tracer.start_as_current_span(
        name,
        context=_Sink.propagator.extract(headers),
        kind=SpanKind.SERVER,
        attributes=attributes,
        record_exception=False,
    ) as span:
        yield span


def calling(name: str, attributes: Attributes) -> AbstractContextManager[Any]:
    """Trace what another server is asked in the block."""
    if _Sink.tracer is None:
        return _NOTHING
    return _calling(name, attributes)


@contextmanager
def _calling(name: str, attributes: Attributes) -> Iterator[Any]:
    from opentelemetry.trace import SpanKind, Status, StatusCode

    with _Sink.tracer.start_as_current_span(
        name,
        kind=SpanKind.CLIENT,
        attributes=attributes,
        # A failure's words are another server's: they may hold an address or a key.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def describe(attributes: Attributes) -> None:
    """Add to what is told of the request that is served."""
    from opentelemetry.trace import get_current_span

    span = get_current_span()
    if span.is_recording():
        span.set_attributes(attributes)


def inject(headers: MutableMapping[str, str]) -> None:
    """Tell another server which trace its request is a part of (``traceparent``)."""
    if _Sink.tracer is not None:
        _Sink.propagator.inject(headers)
