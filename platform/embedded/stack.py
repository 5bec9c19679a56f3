"""The whole product on one machine: which processes, in which order, with what."""

import json
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from celery import Celery
from redis import Redis

from embedded.process import ServiceUnavailable, write_private
from embedded.supervisor import Service, answers

ROOT = Path(__file__).resolve().parents[2]
# A project of its own; only the process it is started as has it on its path.
EMULATOR = ROOT / "tools" / "stripe-emulator" / "src"
# A start leaves them in its folder before anything else.
_OWN_MARKS = {"running", "secrets.json"}
# Each with the beginning its readers expect.
_OWN_SECRETS = {
    "SECRET_KEY": "",
    "FIELD_KEYS": "",
    "STRIPE_WEBHOOK_SECRETS": "whsec_",
    "GITHUB_WEBHOOK_SECRETS": "",
    "MAILBOX_SECRET": "",
    "MODEL_SERVER_KEY": "",
}


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where everything listens and keeps its state, from the environment."""

    host: str
    port: int
    stripe_port: int
    mailbox_port: int
    var_dir: Path

    @classmethod
    def from_environment(cls) -> Self:
        """Read the ports; raise ``ServiceUnavailable`` naming a wrong one."""

        def port(name: str, default: int) -> int:
            raw = os.environ.get(name) or str(default)
            if not raw.isdecimal() or not 0 < int(raw) < 65536:
                raise ServiceUnavailable(f"{name}={raw} is not a port number.")
            return int(raw)

        return cls(
            host=os.environ.get("HOST") or "127.0.0.1",
            port=port("PORT", 8000),
            stripe_port=port("STRIPE_EMULATOR_PORT", 8001),
            mailbox_port=port("MAILBOX_PORT", 8002),
            var_dir=Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve(),
        )

    def refuse_taken_ports(self, *, with_stripe: bool) -> None:
        """Raise ``ServiceUnavailable`` for the first port another process holds."""
        wanted = {"PORT": self.port, "MAILBOX_PORT": self.mailbox_port}
        if with_stripe:
            wanted["STRIPE_EMULATOR_PORT"] = self.stripe_port
        for name, number in wanted.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.host, number))
                except OSError as error:
                    raise ServiceUnavailable(
                        f"Port {number} is taken. End what listens there, or set "
                        f"{name} to another: {name}={number + 100} make run"
                    ) from error

    def refuse_foreign_folder(self) -> None:
        """Raise ``ServiceUnavailable`` where ``VAR_DIR`` holds what is not ours.

        The folder, and all that lies in it, is closed to other accounts.
        """
        if self.var_dir == ROOT / "var" or not self.var_dir.is_dir():
            return
        names = {entry.name for entry in self.var_dir.iterdir()}
        foreign = sorted(name for name in names if not name.endswith(".log"))
        if foreign and names.isdisjoint(_OWN_MARKS):
            raise ServiceUnavailable(
                f"{self.var_dir} holds {foreign[0]}, which is not Doorstone's. Set "
                "VAR_DIR to a folder of its own: it is closed to other accounts."
            )

    @property
    def site_url(self) -> str:
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return os.environ.get("SITE_URL") or f"http://{host}:{self.port}"

    @property
    def mailbox_url(self) -> str:
        """The mailbox's address; without the secret in it, it shows nothing."""
        secret = load_secrets(self.var_dir)["MAILBOX_SECRET"]
        return f"http://127.0.0.1:{self.mailbox_port}/{secret}"

    @property
    def stripe_url(self) -> str:
        return f"http://127.0.0.1:{self.stripe_port}"


def load_secrets(var_dir: Path) -> dict[str, str]:
    """Return this installation's own secrets, made once and kept."""
    path = var_dir / "secrets.json"
    kept: dict[str, str] = {}
    if path.exists() and path.stat().st_size:
        try:
            kept = dict(json.loads(path.read_text()))
        except ValueError as error:
            # With other keys no API key and no second factor could be read.
            raise ServiceUnavailable(
                f"{path} cannot be read ({error}). Put a good copy in its place, or "
                f"remove {var_dir} to start anew."
            ) from error
    before = dict(kept)
    for name, prefix in _OWN_SECRETS.items():
        kept.setdefault(name, prefix + secrets.token_urlsafe(32))
    if kept != before:
        var_dir.mkdir(parents=True, exist_ok=True)
        write_private(path, json.dumps(kept, indent=2))
    return kept


def product_environment(
    places: Places,
    *,
    database_url: str,
    redis_url: str,
    smtp_port: int,
    reloads: bool = False,
) -> dict[str, str]:
    """Return the environment of every product process."""
    kept = load_secrets(places.var_dir)
    ours = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DOORSTONE_DEVELOPMENT": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        "PYTHONUNBUFFERED": "1",
        "VAR_DIR": str(places.var_dir),
        "SITE_URL": places.site_url,
        "EMAIL_URL": f"smtp://doorstone:{kept['MAILBOX_SECRET']}@127.0.0.1:{smtp_port}",
        "MAILBOX_URL": places.mailbox_url,
        "DEBUG": "1" if reloads and os.environ.get("DEBUG") != "0" else "0",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
    }
    if not os.environ.get("STRIPE_SECRET_KEY"):
        ours |= {
            "STRIPE_API_BASE": places.stripe_url,
            "STRIPE_SECRET_KEY": "sk_test_doorstone_emulator",
        }
    # What the person set wins over what we made up; the addresses of the servers
    # were settled before.
    settled = {"DATABASE_URL", "REDIS_URL", "PYTHONPATH", "MAILBOX_URL", "DEBUG"}
    theirs = {name: os.environ[name] for name in ours if os.environ.get(name)}
    return {
        **os.environ,
        **ours,
        **{name: value for name, value in theirs.items() if name not in settled},
    }


def shared_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return of the product's environment what a command beside it needs.

    Every variable the product reads, as ``.env.example`` lists them, and the
    mailbox's address.
    """
    example = (ROOT / ".env.example").read_text()
    read = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    names = [*read, *(f"{name}_FILE" for name in read), "MAILBOX_URL"]
    return {name: environment[name] for name in names if environment.get(name)}


def stripe_emulator(places: Places, environment: Mapping[str, str]) -> Service:
    """Return the emulator, told what it needs of the product and nothing else."""
    signing, *_older = environment["STRIPE_WEBHOOK_SECRETS"].split(",")
    return Service(
        "stripe",
        [sys.executable, "-m", "stripe_emulator"],
        {
            **os.environ,
            "PYTHONPATH": str(EMULATOR),
            "PYTHONUNBUFFERED": "1",
            # Its console asks for no password: it stays on this machine.
            "STRIPE_EMULATOR_HOST": "127.0.0.1",
            "STRIPE_EMULATOR_PORT": str(places.stripe_port),
            "STRIPE_EMULATOR_KEY": environment["STRIPE_SECRET_KEY"],
            "STRIPE_EMULATOR_DATA": str(
                places.var_dir / "stripe-emulator" / "state.sqlite3"
            ),
            "STRIPE_EMULATOR_WEBHOOK_URL": f"http://127.0.0.1:{places.port}/hooks/stripe/",
            "STRIPE_EMULATOR_WEBHOOK_SECRET": signing,
        },
        is_ready=lambda: _listens(places.stripe_port),
        is_alive=partial(answers, f"{places.stripe_url}/healthz"),
    )


def web(
    places: Places, environment: dict[str, str], *, reloads: bool = False
) -> Service:
    """Pages, REST API, webhooks and the gateway, in one ASGI process."""
    command = [
        *(sys.executable, "-m", "granian", "config.asgi:application"),
        *("--interface", "asgi", "--host", places.host, "--port", str(places.port)),
        *("--workers", "1", "--loop", "uvloop", "--log-level", "warning"),
        *("--backpressure", "1024", "--workers-kill-timeout", "10"),
    ]
    if reloads:
        module = "embedded.reloading"
        command = [sys.executable, "-m", module, places.host, str(places.port)]
    return Service(
        "web",
        command,
        {**environment, "DATABASE_POOL": "1", "APPLICATION_NAME": "doorstone-web"},
        is_ready=lambda: answers(f"http://127.0.0.1:{places.port}/readyz"),
        # What is edited is loaded in its own time.
        is_alive=None
        if reloads
        else partial(answers, f"http://127.0.0.1:{places.port}/healthz"),
        cwd=ROOT,
    )


def worker(environment: dict[str, str]) -> Service:
    command = [
        *(*_celery(), "worker"),
        *("--queues", "default,mail,billing,usage", "--concurrency", "2"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--loglevel", "warning", "--hostname", "worker@doorstone"),
    ]
    return Service(
        "worker",
        command,
        {**environment, "APPLICATION_NAME": "doorstone-worker"},
        is_ready=lambda: _worker_answers(environment),
        cwd=ROOT,
        # It loads the product in three to five seconds; on a busy machine in more.
        patience=20,
    )


def beat(places: Places, environment: dict[str, str]) -> Service:
    command = [
        *(*_celery(), "beat"),
        *("--loglevel", "warning", "--pidfile", ""),
        *("--schedule", str(places.var_dir / "beat-schedule")),
    ]
    since = time.time()
    return Service(
        "beat",
        command,
        environment,
        is_ready=lambda: _has_pulse(environment, since),
        cwd=ROOT,
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number


def _celery() -> list[str]:
    # Root on a bare machine is the operator's choice; PostgreSQL runs as nobody.
    silence = "ignore:You're running the worker with superuser privileges"
    return [
        sys.executable,
        "-W",
        silence,
        *("-m", "celery", "-q", "-A", "config.celery"),
    ]


def _worker_answers(environment: dict[str, str]) -> bool:
    """Ask the workers of this broker whether one of them is there."""
    prefix = environment.get("REDIS_PREFIX", "ds:")
    broker = environment.get("REDIS_BROKER_URL") or environment["REDIS_URL"]
    with Celery(broker=broker, set_as_current=False) as app:
        app.conf.broker_transport_options = {"global_keyprefix": f"{prefix}celery:"}
        return bool(app.control.ping(timeout=0.3))  # and is asked again soon


def _has_pulse(environment: dict[str, str], since: float) -> bool:
    """Tell whether beat asked for a pulse after ``since`` and a worker gave it."""
    prefix = environment.get("REDIS_PREFIX", "ds:")
    url = environment.get("REDIS_CACHE_URL") or environment["REDIS_URL"]
    with Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        pulse = client.get(f"{prefix}operations:pulse")
    return bool(pulse) and float(pulse) >= since


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
