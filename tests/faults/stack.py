"""The whole product on servers of its own, each of which can be killed or frozen."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from embedded.postgres import EmbeddedPostgres
from embedded.process import spawn, stop
from embedded.redis import EmbeddedRedis
from embedded.stack import EMULATOR
from tests import prepared
from tests.fakes.servers import ROOT, asgi_command, free_port, wait_until_answering

UPSTREAM = """
import threading
from aiohttp import web
from tests.fakes.upstream import Upstream
upstream = Upstream()
upstream.port = {port}
application = web.Application()
application.router.add_post("/v1/{{tail:.*}}", upstream.answer)
web.run_app(application, host="127.0.0.1", port={port}, print=None)
"""
MAIL_SERVER = "import sys; from aiosmtpd.main import main; main(sys.argv[1:])"
# A world of twenty members, since one may post only so much; prints who they are.
SEED = """
import json
import django
django.setup()
from datetime import timedelta
from django.conf import settings
from django.test import Client
from django.utils import timezone
from accounts.models import User
from accounts.queries import personal_organisation
from accounts.services import create_user
from community.forum import services as forum
from community.forum.models import Category
from community.standing.models import Level, Trust
from inference.catalog import services as catalog
from inference.keys.services import create_key

members = [create_user(f"m{{n}}@example.test", f"member{{n}}", "x") for n in range(20)]
User.objects.update(date_joined=timezone.now() - timedelta(days=400))
# A newcomer may not reply as often as they do through all outages.
Trust.objects.bulk_create(Trust(user=each, level=Level.MEMBER) for each in members)
sessions = []
for member in members:
    client = Client()
    client.force_login(member)
    sessions.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
category = Category.objects.create(slug="help", name="Help", visibility="public")
topic = forum.create_topic(
    category, author=members[0], title="What happens in an outage?", text="Tell me."
)
catalog.publish_model(
    "plain", title="Plain", edition="open", summary="A test model.",
    context_tokens=8000, max_output_tokens=1000, default_output_tokens=100,
    deployments=[dict(provider="openai", upstream_model="plain", base_url={upstream!r},
                      first_byte_timeout=5, total_timeout=5, on_disconnect="abort",
                      priority=0)],
    rates=catalog.Rates.from_dollars("1", "2", "0.5", "1"),
)
organisation = personal_organisation(members[0])
_, secret = create_key(organisation, name="Test", by=members[0])
print(json.dumps(dict(
    sessions=sessions, cookie=settings.SESSION_COOKIE_NAME, csrf=settings.CSRF_COOKIE_NAME,
    topic=topic.pk, path=topic.get_absolute_url(), key=secret,
    organisation=organisation.slug,
)))
"""


@dataclass
class Part:
    """One process with its children: what can be done to it, and undone."""

    name: str
    process: Callable[[], "subprocess.Popen[bytes] | None"]
    start: Callable[[], Any]

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        process = self.process()
        assert process is not None
        process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        process = self.process()
        assert process is not None
        for pid in _family(process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


@dataclass
class Stack:
    """Where the product listens, who its people are, and its parts by name."""

    url: str
    people: dict[str, Any]
    environment: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)

    def ask(self, code: str) -> Any:
        """Run a line of the product's Python and return what it prints, as JSON."""
        script = f"import django, json; django.setup(); {code}"
        said = subprocess.run(
            [sys.executable, "-c", script],
            env=self.environment,
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=60,
        )
        return json.loads(said.stdout)


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Start everything on free ports and yield it once pages answer."""
    with ExitStack() as closing:
        postgres = EmbeddedPostgres(folder / "postgres", settings={"fsync": "off"})
        cache = EmbeddedRedis(folder / "cache")
        broker = EmbeddedRedis(folder / "broker")
        for server in (postgres, cache, broker):
            closing.enter_context(server)
        ports = {name: free_port() for name in ("web", "stripe", "mail", "upstream")}
        site = f"http://127.0.0.1:{ports['web']}"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.dev",
            "DOORSTONE_DEVELOPMENT": "1",
            "PYTHONPATH": os.pathsep.join(
                map(str, (ROOT / "platform", ROOT, EMULATOR))
            ),
            "VAR_DIR": str(folder),
            "SITE_URL": site,
            "DATABASE_URL": postgres.url(),
            "REDIS_URL": cache.url,
            "REDIS_CACHE_URL": cache.url,
            "REDIS_BROKER_URL": broker.url,
            "REDIS_PREFIX": "outage:",
            "EMAIL_URL": f"smtp://127.0.0.1:{ports['mail']}",
            "STRIPE_API_BASE": f"http://127.0.0.1:{ports['stripe']}",
            "STRIPE_EMULATOR_PORT": str(ports["stripe"]),
            "STRIPE_SECRET_KEY": "sk_test_doorstone_emulator",
            "STRIPE_EMULATOR_KEY": "sk_test_doorstone_emulator",
            "STRIPE_EMULATOR_DATA": str(folder / "stripe-emulator.sqlite3"),
            "REST_ANONYMOUS_CALLS_PER_MINUTE": "100000",
        }
        upstream = f"http://127.0.0.1:{ports['upstream']}/v1"
        prepared.fill(postgres.url())
        _run(["manage.py", "migrate", "--verbosity", "0"], environment)
        people = json.loads(_run(["-c", SEED.format(upstream=upstream)], environment))
        stack = Stack(site, people, environment)
        celery = ["-m", "celery", "-q", "-A", "config.celery"]
        queues = ["--queues", "default,mail,billing,usage", "--concurrency", "1"]
        commands = {
            "upstream": ["-c", UPSTREAM.format(port=ports["upstream"])],
            "stripe": ["-m", "stripe_emulator"],
            "mail": [
                *("-c", MAIL_SERVER, "-n", "-l", f"127.0.0.1:{ports['mail']}"),
                *("-c", "aiosmtpd.handlers.Sink"),
            ],
            "worker": [
                *(*celery, "worker", *queues, "--loglevel", "error"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
            "beat": [
                *(*celery, "beat", "--loglevel", "error", "--pidfile", ""),
                *("--schedule", str(folder / "beat")),
            ],
            "web": asgi_command("config.asgi:application", ports["web"])[1:],
        }
        for name, command in commands.items():
            stack.parts[name] = _part(name, command, environment, folder, closing)
        for name, owner in (
            ("postgresql", postgres),
            ("cache", cache),
            ("broker", broker),
        ):
            stack.parts[name] = _server(name, owner)
        web = stack.parts["web"].process()
        assert web is not None
        wait_until_answering(f"{site}/readyz", web, folder / "web.log")
        yield stack


def _part(
    name: str,
    command: list[str],
    environment: dict[str, str],
    folder: Path,
    closing: ExitStack,
) -> Part:
    kept: list[subprocess.Popen[bytes]] = []
    pooled = {"DATABASE_POOL": "1"} if name == "web" else {}

    def start() -> None:
        with (folder / f"{name}.log").open("ab") as output:
            process = spawn(
                [sys.executable, *command],
                output=output,
                env={**environment, **pooled},
                cwd=ROOT,
            )
        kept.append(process)
        closing.callback(stop, process, timeout=10)

    start()
    return Part(name, lambda: kept[-1], start)


def _server(name: str, owner: EmbeddedPostgres | EmbeddedRedis) -> Part:
    def start() -> None:
        # Lets go of what the dead one held: its lock on the folder, for one.
        owner.stop()
        owner.start()

    return Part(name, lambda: owner.process, start)


def _run(arguments: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _family(pid: int) -> list[int]:
    """Return a process and all below it, the youngest last."""
    found = [pid]
    for parent in found:
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            continue
        found += [int(child) for child in children.split()]
    return found


def wait_for(condition: Callable[[], bool], seconds: float) -> float:
    """Wait until something is so and return how long that took. Fails when too long."""
    started = time.monotonic()
    while not condition():
        took = time.monotonic() - started
        assert took < seconds, f"still not so after {took:.1f} s"
        time.sleep(0.1)
    return time.monotonic() - started


def is_up(url: str) -> bool:
    """Tell whether an address answers with a success."""
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
