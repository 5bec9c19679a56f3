"""Hostile bodies against a real process, and what everybody else feels of it."""

import http.client
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from accounts.queries import personal_organisation
from inference.keys.services import create_key
from tests.bench.processes import processor_seconds
from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.inference.protocol.test_bodies import COSTLY_TEXT, HEAD, HOSTILE, PARTS

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

BODIES = 50
# Each of the fifty senders sends as many, one after the other.
ROUNDS = 4
Server = tuple[int, int]
TEXT = b'"%s"'


@pytest.fixture
def start(transactional_db: None, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Pages and gateway in one process, as the product runs them: (port, process)."""
    with ExitStack() as servers:

        def start_one() -> Server:
            port = free_port()
            command = asgi_command("config.asgi:application", port)
            ready = f"http://127.0.0.1:{port}/healthz"
            log = tmp_path / f"web-{port}.log"
            process = servers.enter_context(
                running(command, product_environment(), ready, log)
            )
            return port, process.pid

        yield start_one


# Asks for the health page until its standard input ends, in a process of its own:
# fifty senders in the same one would keep it waiting for them, not for the server.
PROBE = """
import http.client, select, sys, time

link = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
times = []
while not select.select([sys.stdin], [], [], 0.003)[0] or len(times) < 300:
    begun = time.perf_counter()
    link.request("GET", "/healthz")
    assert link.getresponse().read()
    times.append(time.perf_counter() - begun)
print(sorted(times)[int(len(times) * 0.99)] * 1000)
"""


def p99(ports: Sequence[int], meanwhile: Callable[[], object]) -> list[float]:
    """Ask each for the health page all the time; return its 99th percentile in ms."""
    with ExitStack() as started:
        probes = [
            started.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PROBE, str(port)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for port in ports
        ]
        meanwhile()
        return [float(probe.communicate()[0]) for probe in probes]


def test_fifty_hostile_bodies_of_one_key_leave_the_health_page_quick(
    start: Callable[[], Server], person: Any
) -> None:
    port, pid = start()
    untouched, _ = start()
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

    def send_all() -> None:
        with ThreadPoolExecutor(BODIES) as senders:
            statuses.update(*senders.map(send, range(BODIES)))

    statuses: set[int] = set()
    both = (port, untouched)
    p99(both, lambda: None)  # The first request of a process imports what it needs.
    before, _ = p99(both, lambda: None)
    used = processor_seconds(pid)
    during, beside = p99(both, send_all)
    used = processor_seconds(pid) - used
    print(  # noqa: T201 - a measurement
        f"\n/healthz p99 {before:.1f} ms alone, {during:.1f} ms under {BODIES} bodies, "
        f"{beside:.1f} ms of a process without them; {used:.1f} s of CPU; "
        f"{sorted(statuses)}"
    )

    assert statuses <= {0, 400, 404, 429}
    # Where the senders leave no processor to anybody, a process that gets none of the
    # bodies says what waiting for one takes; theirs may cost as much again.
    assert during < max(50, 2 * beside)
