"""Gateway, Redis, PostgreSQL and a model's server are killed at random, under load.

Each call of which the server wrote a token has exactly one row afterwards, nothing is
held after ninety seconds, and every sum adds up. ``KILLS=200`` is the long run.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded.process import spawn, stop
from tests.fakes.servers import ROOT, free_port
from tests.faults.stack import Stack, is_up, running_stack, wait_for

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("KILLS", "8"))
CALLERS = 6  # as many as keep several calls of each kind under way at every moment
# What is held ends with its lease, half a minute, and the sweeper comes each quarter.
SETTLED_SECONDS = 90
PARTS = ("web", "cache", "postgresql", "model")
# Writes a line for each call of which it has sent a token, as nothing buffers.
MODEL = """
import asyncio, json, os, re
from aiohttp import web
log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def told(number):
    os.write(log, f"{{number}}\\n".encode())

async def answer(request):
    payload = await request.json()
    number = re.search(r"call (\\d+)", json.dumps(payload)).group(1)
    usage = {{"prompt_tokens": 9, "completion_tokens": 20}}
    if not payload.get("stream"):
        await asyncio.sleep(0.3)
        choice = {{"message": {{"content": "word " * 20}}, "finish_reason": "stop"}}
        told(number)
        return web.json_response({{"choices": [{{"index": 0, **choice}}], "usage": usage}})
    response = web.StreamResponse(headers={{"content-type": "text/event-stream"}})
    await response.prepare(request)

    async def write(value):
        await response.write(b"data: " + json.dumps(value).encode() + b"\\n\\n")

    for _ in range(20):
        await write({{"choices": [{{"index": 0, "delta": {{"content": "word "}}}}]}})
        told(number)
        await asyncio.sleep(0.05)
    end = {{"index": 0, "delta": {{}}, "finish_reason": "stop"}}
    await write({{"choices": [end]}})
    await write({{"choices": [], "usage": usage}})
    await response.write(b"data: [DONE]\\n\\n")
    return response

application = web.Application()
application.router.add_post("/v1/{{tail:.*}}", answer)
web.run_app(application, host="127.0.0.1", port={port}, print=None)
"""
PUBLISH = """
from entitlements import services as entitlements
from entitlements.features import Features
from inference.catalog import services as catalog
from accounts.models import Organisation
catalog.publish_model(
    "chaos", title="Chaos", edition="open", summary="A test model.",
    context_tokens=8000, max_output_tokens=1000, default_output_tokens=100,
    deployments=[dict(provider="openai", upstream_model="up",
                      base_url="http://127.0.0.1:{port}/v1",
                      first_byte_timeout=5, idle_timeout=5, total_timeout=5)],
    rates=catalog.Rates.from_dollars("1", "2", "0.5", "1"),
)
organisation = Organisation.objects.get(slug={slug!r})
entitlements.replace_for(organisation.pk, Features(
    requests_per_minute=100_000, tokens_per_minute=10**9, concurrent_requests=1000,
    monthly_allowance_nano=10**15), source="test")
print(organisation.pk)
"""
ROWS = """
from inference.usage.models import UsageEvent
print(json.dumps([list(row) for row in UsageEvent.objects.filter(model="chaos")
    .values_list("client_request_id", "status", "is_estimated", "tokens_out")]))
"""
HELD = """
from stores.redis import client, prefixed
print(client().zcard(prefixed("gw:reservations")))
"""


@dataclass
class ModelServer:
    """A model's server that remembers, past its death, for whom it wrote."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        code = MODEL.format(log=str(self.folder / "written"), port=self.port)
        with (self.folder / "model.log").open("ab") as output:
            self.process = spawn(
                [sys.executable, "-c", code],
                output=output,
                env=dict(os.environ),
                cwd=ROOT,
            )

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def written_for(self) -> set[str]:
        log = self.folder / "written"
        return set(log.read_text().split()) if log.exists() else set()


@dataclass
class Callers:
    """Threads that call, whole and streamed, and leave now and then."""

    url: str
    key: str
    next_number: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def __post_init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _run(self) -> None:
        rng = random.Random()  # noqa: S311 - any will do
        with httpx.Client(timeout=20) as client:
            while not self.stopping.is_set():
                try:
                    self._call(client, rng)
                except (httpx.HTTPError, OSError):
                    self.statuses[0] += 1
                    time.sleep(0.1)

    def _call(self, client: httpx.Client, rng: random.Random) -> None:
        number = next(self.next_number)
        said = [{"role": "user", "content": f"call {number}"}]
        is_stream = rng.random() < 0.7
        body: dict[str, Any] = {"model": "chaos", "messages": said, "stream": is_stream}
        headers = {
            "authorization": f"Bearer {self.key}",
            "x-client-request-id": str(number),
        }
        leaves_after = rng.choice((2, 10**6, 10**6, 10**6))
        with client.stream(
            "POST", f"{self.url}/v1/chat/completions", json=body, headers=headers
        ) as answer:
            self.statuses[answer.status_code] += 1
            for count, _ in enumerate(answer.iter_lines()):
                if count > leaves_after:
                    break


@pytest.fixture
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="doorstone-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with running_stack(folder) as running:
            yield running


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ModelServer]:
    server = ModelServer(tmp_path)
    server.start()
    yield server
    if server.process is not None:
        stop(server.process, timeout=5)


def strike(stack: Stack, model: ModelServer, name: str) -> None:
    """Kill a part, leave it dead for a moment, and start it again until it answers."""
    part = model if name == "model" else stack.parts[name]
    part.kill()
    time.sleep(random.uniform(0.2, 1.5))  # noqa: S311
    part.start()
    wait_for(lambda: is_up(f"{stack.url}/readyz"), 30)
    # Two at once may lose what one of them holds for the other (gateway/README.md).
    time.sleep(random.uniform(2.5, 4.0))  # noqa: S311


def test_nothing_a_model_wrote_is_lost_or_counted_twice(
    stack: Stack, model: ModelServer
) -> None:
    people = stack.people
    stack.ask(PUBLISH.format(port=model.port, slug=people["organisation"]))
    callers = Callers(stack.url, people["key"])
    order = [PARTS[number % len(PARTS)] for number in range(KILLS)]
    random.shuffle(order)

    time.sleep(2)
    for name in order:
        strike(stack, model, name)
    callers.end()
    ended = time.monotonic()
    took = wait_for(lambda: stack.ask(HELD) == 0, SETTLED_SECONDS)

    assert time.monotonic() - ended < SETTLED_SECONDS + 5, took
    rows = stack.ask(ROWS)
    counts = Counter(number for number, *_rest in rows)
    written = model.written_for
    assert len(written) > 5 * KILLS, (order, callers.statuses)
    assert {number: counts[number] for number in written if counts[number] != 1} == {}
    assert max(counts.values()) == 1
    assert callers.statuses[200] > 10 * KILLS
    assert 500 not in callers.statuses
    for arguments in (["usage", "check"], ["ledger", "check"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=stack.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr[-2000:]
