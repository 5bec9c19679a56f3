"""Starting real servers for tests, on loopback ports nobody else has."""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from embedded.process import spawn, stop

ROOT = Path(__file__).resolve().parents[2]


# Below what Linux gives to outgoing connections, which take a free port at any moment.
_PORTS = range(15_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """Return a port nobody listens on, and never one that was returned before.

    Each test worker looks among ports of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = random.choice(_PORTS[worker % 8 :: 8])  # noqa: S311 - any will do
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def free_ports(count: int) -> list[int]:
    """Return ports that differ."""
    return [free_port() for _number in range(count)]


def product_environment(**changes: str) -> dict[str, str]:
    """Return the environment of a process that shares this test's database."""
    database = connection.settings_dict
    host = quote(str(database["HOST"]), safe="")
    user = f"{database['USER']}:{quote(str(database['PASSWORD']), safe='')}"
    url = f"postgresql://{user}@/{database['NAME']}?host={host}"
    if database["PORT"]:
        url += f"&port={database['PORT']}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
        "SITE_URL": settings.SITE_URL,
        **changes,
    }


@contextmanager
def passable_folder() -> Iterator[Path]:
    """Yield a new folder that a server under another account may pass through.

    Pytest's own are closed to others, and no test may open what is not its own.
    """
    with tempfile.TemporaryDirectory(prefix="doorstone-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], ready_url: str, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it answers before the block begins."""
    with log.open("wb") as output:
        process = spawn(command, output=output, env=environment, cwd=ROOT)
        try:
            wait_until_answering(ready_url, process, log)
            yield process
        finally:
            stop(process, timeout=15)


def wait_until_answering(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for any HTTP answer. Fails with the server's log."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - loopback
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise AssertionError(
        f"{url} never answered:\n{log.read_text(errors='replace')[-4000:]}"
    )


def asgi_command(application: str, port: int, *extra: str) -> list[str]:
    """Return the command that serves an ASGI application as the product does."""
    return [
        *(sys.executable, "-m", "granian", application, "--interface", "asgi"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--loop", "uvloop", "--log-level", "warning", *extra),
    ]
