"""What this process counts, as Prometheus reads it at ``/metrics``.

Each process tells of itself: where several run, each is scraped at its own port. No
organisation, key or id of a call is a label; models and statuses are few.
"""

import hmac
import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from inference.gateway.request import Request
from inference.protocol.errors import APIError
from inference.usage.recording import Usage

Labelled = TypeVar("Labelled", Counter, Histogram)
PATH = "/metrics"
# From an answer of a cache to one that was thought about for minutes.
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
CALLS = Counter(
    "doorstone_calls", "Calls that were let in, by how they ended.", ["model", "status"]
)
REFUSALS = Counter(
    "doorstone_refusals", "Requests to /v1 that were answered an error.", ["code"]
)
TOKENS = Counter("doorstone_tokens", "Tokens read and written.", ["model", "direction"])
FIRST_TOKEN = Histogram(
    "doorstone_first_token_seconds",
    "From the request to the first token of a stream.",
    ["model"],
    buckets=_SECONDS,
)
DURATION = Histogram(
    "doorstone_call_seconds",
    "From the request to the end of its answer.",
    ["model"],
    buckets=_SECONDS,
)
CACHED = Counter(
    "doorstone_cache", "Requests that the answer cache was asked for.", ["result"]
)
RUNNING = Gauge("doorstone_calls_running", "Calls that are being answered.")
UNCOMMITTED = Gauge(
    "doorstone_calls_uncommitted", "Calls that have ended and are not written down yet."
)


# Models that were offered since the process began, times the ways a call ends.
@lru_cache(maxsize=10_000)
def _of(metric: Labelled, *labels: str) -> Labelled:
    """Return what counts for labels; finding it anew each time takes longer."""
    return metric.labels(*labels)


def count_call(usage: Usage) -> None:
    """Count a call that has ended."""
    model = usage.model
    _of(CALLS, model, usage.status).inc()
    _of(TOKENS, model, "in").inc(usage.tokens_in)
    _of(TOKENS, model, "out").inc(usage.tokens_out)
    if usage.first_byte_ms is not None:
        _of(FIRST_TOKEN, model).observe(usage.first_byte_ms / 1000)
    _of(DURATION, model).observe(usage.total_ms / 1000)


# nginx, HAProxy, Apache, Caddy, Traefik, and those of clouds, as they come or as they
# are commonly set up.
_PROXIES_SAY = (
    *(b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"),
    *(b"forwarded", b"via", b"cf-connecting-ip", b"x-client-ip", b"true-client-ip"),
)


def count_refusal(error: APIError) -> None:
    """Count an answer other than the one asked for; its code is one of ours."""
    REFUSALS.labels(error.code or str(error.status)).inc()


def follow(running: Callable[[], float], uncommitted: Callable[[], float]) -> None:
    """Have the two gauges read when they are scraped."""
    RUNNING.set_function(running)
    UNCOMMITTED.set_function(uncommitted)


async def tell(request: Request) -> None:
    """Answer a scrape. Raises ``APIError`` for who may not read it."""
    if not may_read(request):
        # As any page that is not there: nobody learns that it is.
        raise APIError(404, "There is no such page here.", code="not_found")
    request.require_method("GET")
    headers = {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"}
    await request.respond(200, generate_latest(), headers)


def may_read(request: Request) -> bool:
    """Tell whether a scraper has the token or, where none is set, is on this machine.

    What came through a proxy is from wherever. Most say so, each in its own words.
    """
    if token := settings.METRICS_TOKEN:
        sent = request.header(b"authorization").removeprefix(b"Bearer ")
        return hmac.compare_digest(sent, token.encode())
    came_by_proxy = any(request.header(name) for name in _PROXIES_SAY)
    try:
        is_here = ipaddress.ip_address(request.peer).is_loopback
    except ValueError:
        return False
    return is_here and not came_by_proxy
