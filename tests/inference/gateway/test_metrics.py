"""What Prometheus reads of a gateway, and who else may not."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from inference.gateway import metrics
from inference.gateway.request import Request
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer, Gateway, recorded

pytestmark = pytest.mark.django_db(transaction=True)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(gateway: Gateway) -> dict[Any, float]:
    answer = httpx.get(gateway.url.removesuffix("/v1") + "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return samples(answer.text)


def test_calls_tokens_times_and_refusals_are_counted(
    gateway: Gateway, customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", slug="vendor/counted:1")
    ada = customer()
    before = scraped(gateway)

    body = {"model": "vendor/counted:1", "messages": HELLO}
    assert ada.post(json=body).status_code == 200
    assert ada.post(json={**body, "stream": True}).status_code == 200
    assert ada.post(json={**body, "model": "none"}).status_code == 404
    recorded(2)
    after = scraped(gateway)

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after.get(key, 0) - before.get(key, 0)

    model = "vendor/counted:1"
    assert grown("doorstone_calls_total", model=model, status="ok") == 2
    assert grown("doorstone_tokens_total", model=model, direction="in") == 18
    assert grown("doorstone_tokens_total", model=model, direction="out") == 6
    assert grown("doorstone_call_seconds_count", model=model) == 2
    assert grown("doorstone_first_token_seconds_count", model=model) == 1
    assert grown("doorstone_refusals_total", code="model_not_found") == 1
    assert after["doorstone_calls_running", ()] == 0
    # Nothing that tells callers apart.
    assert {name for _, labels in after for name, _ in labels} <= {
        *("model", "status", "direction", "code", "result", "le"),
        *("implementation", "major", "minor", "patchlevel", "version", "generation"),
    }


@pytest.mark.parametrize(
    ("token", "peer", "headers", "is_let_in"),
    [
        ("", "127.0.0.1", {}, True),
        ("", "::1", {}, True),
        ("", "127.0.0.1", {b"x-forwarded-for": b"127.0.0.1"}, False),
        ("", "127.0.0.1", {b"forwarded": b"for=1.2.3.4"}, False),
        ("", "127.0.0.1", {b"x-real-ip": b"127.0.0.1"}, False),
        ("", "127.0.0.1", {b"via": b"1.1 proxy"}, False),
        ("", "127.0.0.1", {b"x-forwarded-proto": b"https"}, False),
        ("", "127.0.0.1", {b"cf-connecting-ip": b"1.2.3.4"}, False),
        ("", "203.0.113.5", {}, False),
        ("", "", {}, False),
        ("t" * 32, "127.0.0.1", {}, False),
        ("t" * 32, "203.0.113.5", {b"authorization": b"Bearer " + b"t" * 32}, True),
        ("t" * 32, "203.0.113.5", {b"authorization": b"Bearer x"}, False),
        ("t" * 32, "203.0.113.5", {b"authorization": "Bearer é".encode()}, False),
    ],
)
def test_only_a_token_or_this_machine_reads_them(
    settings: Any, token: str, peer: str, headers: dict[bytes, bytes], is_let_in: bool
) -> None:
    settings.METRICS_TOKEN = token
    scope: Any = {
        "method": "GET",
        "path": "/metrics",
        "headers": list(headers.items()),
        "client": (peer, 1) if peer else None,
    }

    request = Request(scope, None, None, "")  # type: ignore[arg-type]

    assert metrics.may_read(request) == is_let_in
