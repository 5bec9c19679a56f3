"""What the gateway costs, against bare proxies on the same server.

One asks by the gateway's own client, the other by aiohttp. All have the same core to
themselves, one after the other; upstream, load, Redis and PostgreSQL share another.
Each round measures all, so that what else the machine does meets all alike. After
every run the usage rows must be as many as the answers.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench import pinned
from tests.bench.load import Result, Task
from tests.bench.processes import processor_seconds
from tests.bench.table import Figure, at_least, at_most, noted

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "bench" / "gateway"
RATIO, RATE, ADDED_MS, ADDED_FIRST_MS = 0.4, 2_000, 1.5, 3.0
CONNECTIONS, STREAMS = 64, 200
HOW = "64 connections, instant upstream, median of rounds"


APPLICATIONS = {
    "bare": "tests.bench.bare:application",
    "general": "tests.bench.bare:general",
    "gateway": "inference.gateway.alone:application",
}


class Failed(Exception):
    """A run that could not be made or whose sums do not agree."""


@dataclass
class Bench:
    """The servers by name, and the key the gateway is called with."""

    ports: dict[str, int]
    key: str
    processes: dict[str, int]

    def run(self, which: str, **wanted: Any) -> Result:
        """Load one of them and hold its answers against the usage rows."""
        is_bare = which != "gateway"
        task = Task(
            port=self.ports[which],
            key="-" if is_bare else self.key,
            **wanted,
        )
        before = recorded()
        used = processor_seconds(self.processes[which])
        done = subprocess.run(
            pinned.command(pinned.OTHERS, [sys.executable, "-m", "tests.bench.load"]),
            input=json.dumps(asdict(task)),
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            raise Failed(f"The load generator failed:\n{done.stderr[-2000:]}")
        result = Result(**json.loads(done.stdout))
        if result.wrong:
            raise Failed(f"{which}: {result.wrong} wrong answers: {result.complaint}")
        # With the commit of what is still waiting.
        if not is_bare:
            self.settle(before, result.answered)
        used = processor_seconds(self.processes[which]) - used
        result.processor_ms = 1000 * used / max(1, result.answered)
        return result

    def settle(self, before: int, answered: int) -> None:
        """Wait for the usage rows of a run. Raises ``Failed``."""
        deadline = time.monotonic() + 30
        while (rows := recorded() - before) != answered:
            if time.monotonic() > deadline:
                raise Failed(f"{answered} answers, {rows} usage rows")
            time.sleep(0.05)


def measure(*, is_quick: bool = False) -> list[Figure]:
    """Return the figures. Raises ``Failed``."""
    rounds = 1 if is_quick else 5
    seconds = 0.6 if is_quick else 4.0
    with ExitStack() as stack:
        bench = stack.enter_context(serving())
        for which in ("general", "bare", "gateway"):
            bench.run(which, connections=CONNECTIONS, seconds=seconds / 2)
        many: dict[str, list[Result]] = {"bare": [], "gateway": [], "general": []}
        one: dict[str, list[Result]] = {"bare": [], "gateway": []}
        streamed: dict[str, list[Result]] = {"bare": [], "gateway": []}
        for number in range(rounds):
            order = ["bare", "gateway"] if number % 2 else ["gateway", "bare"]
            for which in [*order, "general"]:
                many[which].append(
                    bench.run(which, connections=CONNECTIONS, seconds=seconds)
                )
            for which in order:
                one[which].append(bench.run(which, connections=1, seconds=seconds / 2))
            for which in order:
                times = 20 if is_quick else 100
                streamed[which].append(
                    bench.run(
                        which, connections=1, times=times, is_stream=True, pause_ms=2
                    )
                )
        crowd = bench.run(
            "gateway",
            connections=20 if is_quick else STREAMS,
            times=1 if is_quick else 5,
            is_stream=True,
            pause_ms=50,
        )
    return _figures(many, one, streamed, crowd)


def _figures(
    many: dict[str, list[Result]],
    one: dict[str, list[Result]],
    streamed: dict[str, list[Result]],
    crowd: Result,
) -> list[Figure]:
    def rate(result: Result) -> float:
        return result.answered / result.seconds

    def middle(values: Iterator[float]) -> float:
        return statistics.median(values)

    pairs = list(zip(many["bare"], many["gateway"], strict=True))
    added = middle(g.p50 - b.p50 for b, g in zip(*one.values(), strict=True))
    first = middle(
        g.first_p50 - b.first_p50 for b, g in zip(*streamed.values(), strict=True)
    )
    part = "gateway"
    return [
        at_least(
            part,
            "ratio to the bare proxy",
            middle(rate(g) / rate(b) for b, g in pairs),
            RATIO,
            method=f"{HOW}, taken in turns",
        ),
        at_least(
            part,
            "throughput",
            middle(rate(g) for _, g in pairs),
            RATE,
            unit="req/s",
            method=f"{HOW}; key, limits, reservation and settlement on",
        ),
        noted(
            part,
            "bare proxy",
            middle(rate(b) for b, _ in pairs),
            unit="req/s",
            method=f"{HOW}; same server, same HTTP client",
        ),
        noted(
            part,
            "bare proxy by aiohttp",
            middle(rate(b) for b in many["general"]),
            unit="req/s",
            method=f"{HOW}; same server",
        ),
        noted(
            part,
            "processor time to the bare proxy",
            middle(b.processor_ms / g.processor_ms for b, g in pairs),
            method="the same ratio, of time per request; other load moves it less",
        ),
        noted(
            part,
            "processor time",
            middle(g.processor_ms for _, g in pairs),
            unit="ms/req",
            method="of the gateway, user and system",
        ),
        noted(
            part,
            "load generator busy",
            100 * middle(g.busy for _, g in pairs),
            unit="%",
            method="of its core while the gateway is loaded",
        ),
        at_most(
            part,
            "added p50",
            added,
            ADDED_MS,
            unit="ms",
            method="one connection, gateway less bare proxy",
        ),
        at_most(
            part,
            "added to the first token",
            first,
            ADDED_FIRST_MS,
            unit="ms",
            method="one connection, streams of 8 events, gateway less bare proxy",
        ),
        at_most(
            part,
            "wrong streams",
            crowd.wrong,
            0,
            method=f"of {crowd.answered} whole ones, every byte compared",
        ),
        noted(
            part,
            "usage rows less answers",
            0,
            method="after every run, in PostgreSQL; anything else ends the bench",
        ),
    ]


@contextmanager
def serving() -> Iterator[Bench]:
    """Start everything and offer a model; end it all afterwards."""
    from embedded.postgres import EmbeddedPostgres
    from embedded.redis import EmbeddedRedis

    with ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(VAR / "postgres"))
        redis = stack.enter_context(EmbeddedRedis(VAR / "redis"))
        for process in (postgres.pid, redis.pid):
            _pin(process, pinned.OTHERS)
        os.environ.update(
            DATABASE_URL=postgres.url(),
            REDIS_URL=redis.url,
            DJANGO_SETTINGS_MODULE="config.settings.dev",
            DOORSTONE_DEVELOPMENT="1",
            PYTHONPATH=os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        )
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from tests import prepared
        from tests.fakes.servers import asgi_command, free_port, running

        dump = os.environ.get("BENCH_DUMP")
        if dump and not connection.introspection.table_names():
            prepared.read(Path(dump), postgres.url())
        call_command("migrate", verbosity=0)
        upstream = free_port()
        key = _offer(f"http://127.0.0.1:{upstream}/v1")
        ports = {name: free_port() for name in APPLICATIONS}
        environment = {
            **os.environ,
            "BENCH_UPSTREAM": f"http://127.0.0.1:{upstream}/v1",
        }
        VAR.mkdir(parents=True, exist_ok=True)
        serve = [sys.executable, "-m", "tests.bench.upstream", str(upstream)]
        stack.enter_context(_upstream(serve, environment, upstream))
        processes: dict[str, int] = {}
        for name, application in APPLICATIONS.items():
            command = asgi_command(application, ports[name], "--backpressure", "1024")
            processes[name] = stack.enter_context(
                running(
                    pinned.command(pinned.MEASURED, command),
                    environment,
                    f"http://127.0.0.1:{ports[name]}/",
                    VAR / f"{name}.log",
                )
            ).pid
        yield Bench(ports, key, processes)


def recorded() -> int:
    """Return how many calls are written down."""
    from inference.usage.models import UsageEvent

    return UsageEvent.objects.count()


@contextmanager
def _upstream(command: list[str], env: dict[str, str], port: int) -> Iterator[None]:
    import socket

    from embedded.process import spawn, stop

    with (VAR / "upstream.log").open("wb") as log:
        process = spawn(
            pinned.command(pinned.OTHERS, command), output=log, env=env, cwd=ROOT
        )
        try:
            deadline = time.monotonic() + 20
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                if time.monotonic() > deadline:
                    raise Failed("The upstream did not start.")
                time.sleep(0.05)
            yield
        finally:
            stop(process)


def _offer(upstream: str) -> str:
    """Offer the model ``bench`` and return a key whose limits are never reached."""
    from accounts.models import User
    from accounts.queries import personal_organisation
    from accounts.services import create_user
    from core.money import NANO
    from entitlements.features import Features
    from entitlements.services import replace_for
    from inference.catalog import services as catalog
    from inference.keys.services import create_key

    email = "bench@example.test"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = create_user(email, "bench", "correct horse battery")
    organisation = personal_organisation(user)
    replace_for(
        organisation.pk,
        Features(
            plan="bench",
            requests_per_minute=10_000_000,
            tokens_per_minute=1_000_000_000,
            concurrent_requests=10_000,
            monthly_allowance_nano=1_000_000 * NANO,
        ),
        source="bench",
    )
    catalog.publish_model(
        "bench",
        title="Bench",
        edition="open",
        summary="Answers at once.",
        context_tokens=8_000,
        max_output_tokens=1_000,
        default_output_tokens=100,
        deployments=[{"provider": "openai", "base_url": upstream}],
        rates=catalog.Rates.from_dollars("1", "2", "0.5", "1"),
    )
    return create_key(organisation, name="Bench", by=user)[1]


def _pin(pid: int | None, core: int) -> None:
    if pid is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {core})
