"""Hostile bodies against a real process, and what everybody else feels of it."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from accounts.queries import personal_organisation
from inference.keys.services import create_key
from tests.bench.processes import processor_seconds
from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.inference.gateway.test_intake import COSTLY_TEXT, HEAD, HOSTILE, PARTS

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

BODIES = 50
# Each of the fifty senders sends as many, one after the other.
ROUNDS = 4
TEXT = b'"%s"'


@pytest.fixture
def server(transactional_db: None, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Pages and gateway in one process, as the product runs them: (port, process)."""
    port = free_port()
    command = asgi_command("config.asgi:application", port)
    ready = f"http://127.0.0.1:{port}/healthz"
    log = tmp_path / "web.log"
    with running(command, product_environment(), ready, log) as process:
        yield port, process.pid


def p99(port: int, until: Callable[[], bool]) -> float:
    """Ask for the health page again and again; return the 99th percentile in ms."""
    times: list[float] = []
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not until() or len(times) < 100:
        begun = time.perf_counter()
        link.request("GET", "/healthz")
        assert link.getresponse().read()
        times.append(time.perf_counter() - begun)
        time.sleep(0.003)
    link.close()
    return sorted(times)[int(len(times) * 0.99)] * 1000


def test_fifty_hostile_bodies_of_one_key_leave_the_health_page_quick(
    server: tuple[int, int], person: Any
) -> None:
    port, pid = server
    ada = person("ada")
    _key, secret = create_key(personal_organisation(ada), name="Test", by=ada)
    shapes = [HEAD + make() + b"}" for make in HOSTILE.values()]
    shapes += [HEAD + TEXT % make() + b"}" for make in COSTLY_TEXT.values()]
    shapes.append(PARTS)
    together = threading.Barrier(BODIES)

    def send(number: int) -> set[int]:
        together.wait()
        return {
            send_one(shapes[(number + turn) % len(shapes)]) for turn in range(ROUNDS)
        }

    def send_one(body: bytes) -> int:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"authorization": f"Bearer {secret}"}
        headers["content-type"] = "application/json"
        try:
            link.request("POST", "/v1/chat/completions", body, headers)
            return link.getresponse().status
        except OSError:
            # Refused while it was still being sent.
            return 0
        finally:
            link.close()

    before = p99(port, lambda: True)
    used = processor_seconds(pid)
    with ThreadPoolExecutor(BODIES) as senders:
        sent = [senders.submit(send, number) for number in range(BODIES)]
        during = p99(port, lambda: all(one.done() for one in sent))
    used = processor_seconds(pid) - used
    statuses = set().union(*(one.result() for one in sent))
    print(  # noqa: T201 - a measurement
        f"\n/healthz p99 {before:.1f} ms alone, {during:.1f} ms under {BODIES} bodies; "
        f"{used:.1f} s of CPU; {sorted(statuses)}"
    )

    assert statuses <= {0, 400, 404, 429}
    assert during < 50
