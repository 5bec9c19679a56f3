"""A database with every migration run: made once, then copied.

Running them takes a minute, most of it spent by Django on drawing models it soon
draws again. Workers copy the database; what a test starts for itself reads a dump.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from embedded.postgres import find_all_binaries, major_version

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("VAR_DIR", ROOT / "var" / "test"))
PREFIX = "doorstone_prepared_"
# What decides how the tables are made, besides the server.
SOURCES = ("platform", "community", "billing", "inference")


@cache
def prepare() -> str:
    """Return the name of the prepared database on the tests' server.

    It stays there for the next run, until a migration or a package changes.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    with _alone(), psycopg.connect(_address("postgres"), autocommit=True) as server:
        major = server.info.server_version // 10_000
        name = f"{PREFIX}{major}_{_fingerprint()}"
        made = _names(server)
        if name in made:
            return name
        for old in made:
            _say(server, "DROP DATABASE {} WITH (FORCE)", old)
            _dump_of(old).unlink(missing_ok=True)
        unfinished = f"{PREFIX}unfinished"
        _say(server, "CREATE DATABASE {}", unfinished)
        _migrate(unfinished)
        # While nobody copies it: who copies suffers no reader.
        _dump(unfinished, _dump_of(name), major)
        _say(server, "ALTER DATABASE {} RENAME TO {}", unfinished, name)
    return name


def fill(url: str) -> None:
    """Give the empty database at ``url`` the prepared tables.

    Where nothing on this machine can read the tests' server, it is left empty: what
    is started on it runs the migrations itself.
    """
    read(dump_file(), url)


def dump_file() -> Path:
    """Return where the prepared tables are written, for a process of its own to read.

    Nothing is there where nothing on this machine can read the tests' server.
    """
    return _dump_of(prepare())


def read(dump: Path, url: str) -> None:
    """Give the empty database at ``url`` what was written to ``dump``, if anything."""
    if dump.exists():
        # Of any version, later than the one that wrote it.
        reader = max(_folders_with("pg_restore"), key=major_version) / "pg_restore"
        _run(reader, "--no-owner", "--exit-on-error", f"--dbname={url}", dump)


def _dump(database: str, path: Path, major: int) -> None:
    for folder in _folders_with("pg_dump"):
        if major_version(folder) == major:
            options = ("--no-owner", "--format=custom", f"--file={path}")
            _run(folder / "pg_dump", *options, f"--dbname={_address(database)}")
            return


def _folders_with(program: str) -> list[Path]:
    return [each for each in find_all_binaries() if (each / program).exists()]


def _dump_of(name: str) -> Path:
    return HOME / f"{name}.dump"


def _fingerprint() -> str:
    read = hashlib.sha256()
    files = [
        *sorted((ROOT / "requirements").glob("*.txt")),
        *sorted(
            path
            for source in SOURCES
            for path in (ROOT / source).rglob("migrations/*.py")
        ),
    ]
    for path in files:
        read.update(f"{path.relative_to(ROOT)}\0".encode())
        read.update(path.read_bytes())
    return read.hexdigest()[:16]


@contextmanager
def _alone() -> Iterator[None]:
    """Let the other workers wait."""
    with (HOME / "prepared.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _address(database: str) -> str:
    """Return the address of one of the databases of the tests' server."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()


def _names(server: "psycopg.Connection[tuple[str]]") -> list[str]:
    found = server.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]
    )
    return [name for (name,) in found]


def _say(server: "psycopg.Connection[tuple[str]]", statement: str, *names: str) -> None:
    server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _migrate(database: str) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": _address(database),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
    }
    manage = (sys.executable, ROOT / "manage.py")
    _run(*manage, "migrate", "--verbosity=0", environment=environment)


def _run(*command: Path | str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{command[0]}: {done.stdout}{done.stderr}")
