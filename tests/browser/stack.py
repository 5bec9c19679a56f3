"""The whole product as ``make run`` starts it, on ports and in a folder of its own."""

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded.environment import read as running_environment
from embedded.postgres import EmbeddedPostgres
from embedded.process import spawn, stop
from embedded.stack import load_secrets
from tests import prepared
from tests.fakes.servers import ROOT, free_port

# What the tests around it were given must not reach the product.
_FOREIGN = (
    "DATABASE_URL",
    "REDIS_URL",
    "REDIS_PREFIX",
    "SITE_URL",
    "ALLOWED_HOSTS",
    "VAR_DIR",
    "PYTHONPATH",
)


@dataclass(frozen=True)
class Stack:
    """A running product and the places to look at it."""

    site: str
    mailbox: str
    var_dir: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    def mails(self, to: str) -> list[dict[str, Any]]:
        """Return the mails sent to an address, the newest first."""
        query = urllib.parse.urlencode({"to": to})
        url = f"{self.mailbox}/api/messages?{query}"
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def wait_for_mail(
        self, to: str, words: str, *, timeout: float = 20
    ) -> dict[str, Any]:
        """Return the first mail to ``to`` whose text holds ``words``."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for mail in self.mails(to):
                if words in mail["text"]:
                    return mail
            time.sleep(0.1)
        raise AssertionError(f"No mail to {to} with {words!r}: {self.mails(to)}")

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run a management command on the product's own database."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@contextmanager
def running_stack(
    var_dir: Path,
    *options: str,
    root: Path = ROOT,
    is_prepared: bool = True,
    **environment: str,
) -> Iterator[Stack]:
    """Start the product without demo data and stop it at the end of the block.

    ``options`` are those of ``manage.py start``, ``root`` is a copy of the tree. Its
    database has the tables already, but where a test is about making them.
    """
    ports = {
        "PORT": free_port(),
        "STRIPE_EMULATOR_PORT": free_port(),
        "MAILBOX_PORT": free_port(),
    }
    clean = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    env = {
        **clean,
        **{name: str(port) for name, port in ports.items()},
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "VAR_DIR": str(var_dir),
        "DEMO": "0",
        # Who needs them starts them: MODELS="1".
        "MODELS": "0",
        **environment,
    }
    var_dir.mkdir(parents=True, exist_ok=True)
    if is_prepared and not (var_dir / "postgres").exists():
        # By its secrets the product knows the folder as its own.
        load_secrets(var_dir)
        with EmbeddedPostgres(var_dir / "postgres") as postgres:
            prepared.fill(postgres.url())
    log = var_dir / "run.log"
    with log.open("wb") as output:
        command = [sys.executable, str(root / "manage.py"), "start", *options]
        process = spawn(command, output=output, env=env, cwd=root)
        try:
            _wait_until_ready(process, log)
            told = running_environment(var_dir)
            yield Stack(
                f"http://127.0.0.1:{ports['PORT']}",
                told["MAILBOX_URL"],
                var_dir,
                # Commands find the rest in var/environment, as a person's do.
                env,
                process,
            )
        finally:
            stop(process, timeout=40)


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    # With its demo a minute and a half; four times as long beside everything else.
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        if "Doorstone is ready" in log.read_text(errors="replace"):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(
        f"The product did not start:\n{log.read_text(errors='replace')[-4000:]}"
    )
