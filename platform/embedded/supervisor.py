"""Starting, watching and ending the processes of a bare machine."""

import itertools
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedded.process import ServiceUnavailable, spawn, stop

_COLOURS = itertools.cycle((36, 32, 33, 35, 34, 31))
_write_lock = threading.Lock()


@dataclass
class Service:
    """One process: how to start it and how to tell that it is ready."""

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    is_ready: Callable[[], bool] | None = None
    cwd: Path | None = None
    # Long enough for open streams and running tasks to end.
    patience: float = 15
    process: subprocess.Popen[bytes] | None = None
    colour: int = field(default_factory=lambda: next(_COLOURS))
    started_at: float = 0
    crashes: int = 0

    def start(self) -> None:
        """Start the process and pass on what it prints, line by line."""
        self.process = spawn(
            self.command, output=subprocess.PIPE, env=self.env, cwd=self.cwd
        )
        self.started_at = time.monotonic()
        threading.Thread(
            target=self._pass_on, args=(self.process,), daemon=True
        ).start()

    def wait_until_ready(self, timeout: float) -> None:
        """Wait for readiness. Raises ``ServiceUnavailable``."""
        deadline = time.monotonic() + timeout
        while self.is_ready is not None and not self.is_ready():
            if self.process is None or self.process.poll() is not None:
                raise ServiceUnavailable(f"{self.name} ended before it was ready.")
            if time.monotonic() > deadline:
                raise ServiceUnavailable(
                    f"{self.name} was not ready in {timeout:.0f} s."
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            stop(self.process, timeout=self.patience)

    def say(self, line: str) -> None:
        """Print one line under this service's name."""
        prefix = f"{self.name:<8}│ "
        if sys.stdout.isatty():
            prefix = f"\033[{self.colour}m{prefix}\033[0m"
        with _write_lock:
            print(f"{prefix}{line}", flush=True)

    def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                self.say(line.decode(errors="replace").rstrip())


class Supervisor:
    """Keeps services running until it is told to stop."""

    def __init__(self) -> None:
        self.services: list[Service] = []
        self.stopping = threading.Event()

    def start(self, *services: Service, timeout: float = 90) -> None:
        """Start services side by side and wait until each of them is ready."""
        for service in services:
            self.services.append(service)
            service.start()
        for service in services:
            service.wait_until_ready(timeout)

    def watch(self) -> None:
        """Start again whatever ends, more slowly each time, until ``stop``."""
        while not self.stopping.wait(0.5):
            for service in self.services:
                if service.process is None or service.process.poll() is None:
                    continue
                if time.monotonic() - service.started_at > 60:
                    service.crashes = 0
                delay = min(0.25 * 2**service.crashes, 30)
                if time.monotonic() - service.started_at < delay:
                    continue
                service.crashes += 1
                service.say(
                    f"ended with {service.process.returncode}; starting it again"
                )
                service.start()

    def stop(self) -> None:
        """End every service, the last started first."""
        self.stopping.set()
        for service in reversed(self.services):
            service.stop()


def answers(url: str) -> bool:
    """Tell whether ``url`` answers with a success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
