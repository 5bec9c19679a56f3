"""Starting, watching and ending the processes of a bare machine."""

import http.client
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
from typing import Protocol

from embedded.process import (
    ServiceUnavailable,
    has_ended,
    is_stopped,
    reap_orphans,
    spawn,
    stop,
    tail,
)

# What says nothing for this long is stuck: nobody waits so long for a page, and no
# machine is that busy. While all start at once a healthy database has been silent for
# four seconds; killing it costs what was under way, and a recovery.
SILENCE = 20
# A process that was stopped is let go on within a moment, or was forgotten. It is no
# slow one: the system says that it stands still (Linux only; elsewhere silence tells).
# With the restart all serves again within ten seconds.
STANDSTILL = 2
# Loading its data or recovering after a crash, a server may take this long.
STARTING = 60
# Ends this often without a minute's life between: 0.25 s to 30 s apart, a minute
# in all.
MANY_CRASHES = 8

# ANSI's colours but black and white, of which a terminal has one as its ground.
_COLOURS = itertools.cycle((36, 32, 33, 35, 34, 31))
_write_lock = threading.Lock()


class EmbeddedServer(Protocol):
    """An embedded server: it has been started once and can be launched again.

    Without one that is vital nothing else is worth running.
    """

    name: str
    is_vital: bool
    log: Path
    process: subprocess.Popen[bytes] | None

    def launch(self) -> None: ...
    def answers(self, patience: float) -> bool: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class Service:
    """One process: how to start it and how to tell that it is ready."""

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    is_ready: Callable[[], bool] | None = None
    cwd: Path | None = None
    # Tells within so many seconds whether it answers; without it, that it runs will do.
    is_alive: Callable[[float], bool] | None = None
    # Long enough for open streams and running tasks to end.
    patience: float = 15
    process: subprocess.Popen[bytes] | None = None
    colour: int = field(default_factory=lambda: next(_COLOURS))
    is_vital: bool = False

    def launch(self) -> None:
        """Start the process and pass on what it prints, line by line."""
        self.process = spawn(
            self.command, output=subprocess.PIPE, env=self.env, cwd=self.cwd
        )
        threading.Thread(
            target=self._pass_on, args=(self.process,), daemon=True
        ).start()

    def wait_until_ready(self, timeout: float) -> None:
        """Wait for readiness. Raises ``ServiceUnavailable``."""
        deadline = time.monotonic() + timeout
        while self.is_ready is not None and not self.is_ready():
            if self.process is None or has_ended(self.process):
                raise ServiceUnavailable(f"{self.name} ended before it was ready.")
            if time.monotonic() > deadline:
                raise ServiceUnavailable(
                    f"{self.name} was not ready in {timeout:.0f} s."
                )
            time.sleep(0.1)

    def answers(self, patience: float) -> bool:
        """Tell whether the process answers, where it can be asked."""
        return self.is_alive is None or self.is_alive(patience)

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            stop(self.process, timeout=self.patience)

    def kill(self) -> None:
        """Kill the process, stuck or stopped as it may be."""
        if self.process is not None:
            self.process.kill()

    def say(self, line: str) -> None:
        """Print one line under this service's name."""
        announce(self.name, self.colour, line)

    def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                self.say(line.decode(errors="replace").rstrip())


@dataclass
class Watched:
    """What is kept running, and how that went so far."""

    kept: Service | EmbeddedServer
    colour: int
    started_at: float = field(default_factory=time.monotonic)
    crashes: int = 0
    has_answered: bool = False
    # The process that no longer answers.
    stuck: subprocess.Popen[bytes] | None = None
    # Since when it stands still.
    stopped_at: float | None = None
    # The process whose end was told.
    ended: subprocess.Popen[bytes] | None = None
    # Its end was asked for, and is no crash.
    is_restarting: bool = False
    # Nobody keeps it running any more.
    is_released: bool = False

    def say(self, line: str) -> None:
        announce(self.kept.name, self.colour, line)


class Supervisor:
    """Keeps services and servers running until it is told to stop."""

    def __init__(self) -> None:
        self.watched: list[Watched] = []
        self.stopping = threading.Event()

    def start(self, *services: Service, timeout: float = 90) -> None:
        """Start services side by side and wait until each of them is ready."""
        begun = [Watched(each, each.colour) for each in services]
        self.watched += begun
        for service in services:
            service.launch()
        for service in services:
            service.wait_until_ready(timeout)
        for each in begun:
            self._start_listening(each)

    def adopt(self, server: EmbeddedServer, *, has_answered: bool = True) -> None:
        """Keep a server running that has been started, and end it with the rest."""
        each = Watched(server, next(_COLOURS), has_answered=has_answered)
        self.watched.append(each)
        self._start_listening(each)

    def release(self, server: EmbeddedServer) -> None:
        """End a server and keep it running no more."""
        for each in self.watched:
            each.is_released = each.is_released or each.kept is server
        self.watched = [each for each in self.watched if not each.is_released]
        server.stop()

    def watch(self, beside: Callable[[], None] | None = None) -> None:
        """Start again whatever ends or is stuck, more slowly each time, until ``stop``.

        ``beside`` is called each time round, so it has to be quick. Raises
        ``ServiceUnavailable`` when a vital server cannot be kept running.
        """
        while not self.stopping.wait(0.25):
            if beside:
                beside()
            for each in self.watched:
                self._look_at(each)
            reap_orphans(
                {each.kept.process.pid for each in self.watched if each.kept.process}
            )

    def restart(self, service: Service) -> None:
        """End a service; ``watch`` starts it again at once, and counts no crash."""
        for each in self.watched:
            if each.kept is service:
                each.is_restarting = True
        service.stop()

    def stop(self) -> None:
        """End everything, the last started first."""
        self.stopping.set()
        for each in reversed(self.watched):
            each.kept.stop()

    def _look_at(self, each: Watched) -> None:
        process, now = each.kept.process, time.monotonic()
        if process is None:
            return
        if not has_ended(process):
            if each.stuck is process:
                each.say(f"has not answered for {SILENCE} s; killing it")
                each.kept.kill()
            elif self._stands_still(each, process.pid, now):
                each.say(f"has stood still for {STANDSTILL} s; killing it")
                each.kept.kill()
            elif now - each.started_at > STARTING:
                each.crashes = 0
            return
        if each.is_restarting:
            each.is_restarting, each.crashes, each.started_at = False, 0, now
            each.kept.launch()
            return
        delay = min(0.25 * 2**each.crashes, 30)
        if each.ended is not process:
            each.ended = process
            self._report_end(each, process.returncode, delay)
        if now - each.started_at < delay:
            return
        each.crashes += 1
        each.started_at, each.has_answered, each.stopped_at = now, False, None
        each.kept.launch()

    def _stands_still(self, each: Watched, pid: int, now: float) -> bool:
        if not is_stopped(pid):
            each.stopped_at = None
        elif each.stopped_at is None:
            each.stopped_at = now
        return each.stopped_at is not None and now - each.stopped_at >= STANDSTILL

    def _report_end(self, each: Watched, code: int, delay: float) -> None:
        """Say that something ended; give a server up that ends again and again."""
        times = f"{each.crashes + 1} times in a row"
        log = None if isinstance(each.kept, Service) else each.kept.log
        if each.crashes < MANY_CRASHES:
            each.say(f"ended with {code}; starting it again")
        elif log and each.kept.is_vital:
            raise ServiceUnavailable(
                f"{each.kept.name} ended {times}. Its log ({log}) ends:\n{tail(log)}"
            )
        else:
            why = f"its log is {log}" if log else "its lines above say why"
            each.say(
                f"ended with {code}, {times}: it is tried again every {delay:.0f} s; "
                f"{why}"
            )

    def _start_listening(self, each: Watched) -> None:
        threading.Thread(target=self._listen, args=(each,), daemon=True).start()

    def _listen(self, each: Watched) -> None:
        """Ask now and then whether it is there; silence for long means it is stuck."""
        heard_at = time.monotonic()
        while not self.stopping.wait(_pause(each)) and not each.is_released:
            process = each.kept.process
            if process is None or has_ended(process):
                continue
            if each.kept.answers(SILENCE):
                each.has_answered, heard_at = True, time.monotonic()
                continue
            now = time.monotonic()
            is_loading = not each.has_answered and now - each.started_at <= STARTING
            if now - heard_at >= SILENCE and not is_loading:
                each.stuck = process


def _pause(each: Watched) -> float:
    """Return the seconds until it is asked again.

    A first answer is not waited for: until it is heard, silence is taken for loading.
    """
    return SILENCE / 4 if each.has_answered else min(0.25, SILENCE / 4)


def announce(name: str, colour: int, line: str) -> None:
    """Print one line under a name."""
    prefix = f"{name:<8}│ "
    if sys.stdout.isatty():
        prefix = f"\033[{colour}m{prefix}\033[0m"
    with _write_lock:
        print(f"{prefix}{line}", flush=True)


def answers(url: str, timeout: float = 2) -> bool:
    """Tell whether ``url`` answers with a success within ``timeout`` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
        return False
