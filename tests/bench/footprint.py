"""What everything ``make run`` starts needs when nobody uses it.

The whole tree of processes is counted, the start command and its mailbox included.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.processes import memory_bytes, name_of, processor_seconds, tree
from tests.bench.table import Figure, at_most, noted

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "bench" / "footprint"
MEMORY_GB, IDLE_PERCENT = 1.3, 3.0
REST_SECONDS = WATCH_SECONDS = 30.0
READY = "Doorstone is ready"
# Recognised in a process's command, the first that fits.
ROLES = {
    "granian": "web",
    "config.celery worker": "worker",
    "config.celery beat": "beat",
    "stripe_emulator": "stripe emulator",
    "modelservers.language": "language model",
    "modelservers.embeddings": "embeddings",
    "valkey-server": "redis",
    "postgres": "postgres",
    "manage.py start": "start command",
}


def measure(*, is_quick: bool = False) -> list[Figure]:
    """Start everything, let it rest, and return what it uses."""
    rest = 1.0 if is_quick else REST_SECONDS
    watch = 3.0 if is_quick else WATCH_SECONDS
    with running() as root:
        time.sleep(rest)
        return figures_of(root, rest=rest, watch=watch)


def figures_of(root: int, *, rest: float, watch: float) -> list[Figure]:
    """Return what a tree of processes uses now and over ``watch`` seconds."""
    before, started = processor_seconds(root), time.monotonic()
    time.sleep(watch)
    took = time.monotonic() - started
    percent = 100 * (processor_seconds(root) - before) / took
    shares: dict[str, int] = {}
    for pid in tree(root):
        command = name_of(pid)
        role = next((role for sign, role in ROLES.items() if sign in command), "other")
        shares[role] = shares.get(role, 0) + memory_bytes(pid)
    return [
        at_most(
            "footprint",
            "memory of all processes",
            sum(shares.values()) / 1e9,
            MEMORY_GB,
            unit="GB",
            method=f"proportional share (PSS), {rest:.0f} s after ready",
        ),
        at_most(
            "footprint",
            "processor when idle",
            percent,
            IDLE_PERCENT,
            unit="%",
            method=f"of one core, all processes, over {watch:.0f} s",
        ),
        *(
            noted("footprint", f"  {role}", share / 1e6, unit="MB", method="PSS")
            for role, share in sorted(shares.items(), key=lambda item: -item[1])
        ),
    ]


@contextmanager
def running() -> Iterator[int]:
    """Run the start command until the block ends; yield its process id."""
    from embedded.stack import free_port

    VAR.mkdir(parents=True, exist_ok=True)
    log = VAR / "start.log"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    }
    ports = ("PORT", "STRIPE_EMULATOR_PORT", "MAILBOX_PORT")
    environment.update({name: str(free_port()) for name in ports}, VAR_DIR=str(VAR))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "start"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 600
        while READY not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"It did not start:\n{log.read_text(errors='replace')[-2000:]}"
                )
            time.sleep(0.5)
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
