"""Data folders in every state a killed or a moved start leaves them in."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from embedded import elsewhere
from embedded.postgres import EmbeddedPostgres
from embedded.process import (
    ServiceUnavailable,
    claim,
    hand_over,
    reaches,
    servers_in,
    service_user,
    spawn,
)
from embedded.redis import EmbeddedRedis
from tests.fakes.servers import ROOT

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root runs servers under another account"
)


def with_a_word(folder: Path) -> Path:
    """Make a data folder that holds something, and return it."""
    with (
        EmbeddedPostgres(folder) as server,
        psycopg.connect(server.url(), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('stone')")
    return folder


def word_in(server: EmbeddedPostgres) -> str:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    assert row is not None
    return str(row[0])


def test_a_folder_initdb_did_not_finish_is_made_again(server_folder: Path) -> None:
    data = server_folder / "data"
    with EmbeddedPostgres(data):
        pass
    # As a version before this one left it when it was killed: no database yet.
    for part in ("global", "pg_wal", "base/5", "base/16384"):
        shutil.rmtree(data / part)
    (server_folder / "data.new").mkdir()
    (server_folder / "data.new" / "PG_VERSION").write_text("18")

    with (
        EmbeddedPostgres(data) as server,
        psycopg.connect(server.url()) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not (server_folder / "data.new").exists()


def test_a_folder_with_other_files_is_left_alone(server_folder: Path) -> None:
    data = server_folder / "data"
    data.mkdir()
    (data / "thesis.txt").write_text("years of work")
    hand_over(data, service_user())

    with pytest.raises(ServiceUnavailable, match=r"holds thesis\.txt, which is not"):
        EmbeddedPostgres(data).start()

    assert (data / "thesis.txt").read_text() == "years of work"


def test_data_of_another_postgres_is_named_and_kept(server_folder: Path) -> None:
    data = with_a_word(server_folder / "data")
    (data / "PG_VERSION").write_text("12\n")

    with pytest.raises(ServiceUnavailable, match="was made by PostgreSQL 12; here is"):
        EmbeddedPostgres(data).start()

    (data / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(data) as server:
        assert word_in(server) == "stone"


@pytest.mark.parametrize("holder", ["another process", "nobody", "not a number"])
def test_the_locks_of_a_server_that_is_gone_are_removed(
    server_folder: Path, holder: str
) -> None:
    data = with_a_word(server_folder / "data")
    pid = {"another process": os.getpid(), "nobody": 4_000_000}.get(holder, "x")
    lock = f"{pid}\n{data}\n1700000000\n5432\n{data}\n\n 1 1\nready\n"
    (data / "postmaster.pid").write_text(lock)
    (data / ".s.PGSQL.5432").touch()
    (data / ".s.PGSQL.5432.lock").write_text(lock)

    with EmbeddedPostgres(data) as server:
        assert word_in(server) == "stone"


START_AND_SAY = """
import sys, time
from pathlib import Path
from embedded.postgres import EmbeddedPostgres
from embedded.redis import EmbeddedRedis
EmbeddedPostgres(Path(sys.argv[1]) / "data").start()
EmbeddedRedis(Path(sys.argv[1]) / "redis").start()
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("kills_the_servers", [True, False])
def test_after_sigkill_of_everything_it_starts_again(
    server_folder: Path, *, kills_the_servers: bool
) -> None:
    data = with_a_word(server_folder / "data")
    first = spawn(
        [sys.executable, "-c", START_AND_SAY, server_folder],
        output=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "platform")},
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"up\n"

    first.kill()
    first.wait()
    first.stdout.close()
    if kills_the_servers:
        for folder in (data, server_folder / "redis"):
            for pid in servers_in(folder):
                os.kill(pid, signal.SIGKILL)

    with EmbeddedPostgres(data) as server, EmbeddedRedis(server_folder / "redis"):
        assert word_in(server) == "stone"


def test_a_password_that_was_lost_or_changed_is_agreed_on_anew(
    server_folder: Path,
) -> None:
    data = with_a_word(server_folder / "data")
    kept = server_folder / "data.password"

    for change in (kept.unlink, lambda: kept.write_text("another")):
        change()
        with EmbeddedPostgres(data) as server:
            assert word_in(server) == "stone"
            assert kept.read_text() == server.password
            assert kept.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_trusted_everybody_asks_for_a_password_now(
    server_folder: Path,
) -> None:
    data = with_a_word(server_folder / "data")
    (server_folder / "data.password").unlink()
    (data / "pg_hba.conf").write_text("local all all trust\n")

    with EmbeddedPostgres(data) as server:
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(server.url().replace(f":{server.password}@", "@"))
        assert word_in(server) == "stone"


def test_a_link_planted_in_the_data_folder_is_not_followed(
    server_folder: Path,
) -> None:
    data = with_a_word(server_folder / "data")
    victim = server_folder / "victim"
    victim.write_text("untouched")
    (data / "pg_hba.conf").unlink()
    (data / "pg_hba.conf").symlink_to(victim)

    with EmbeddedPostgres(data) as server:
        assert word_in(server) == "stone"

    assert victim.read_text() == "untouched"
    assert not (data / "pg_hba.conf").is_symlink()


def test_a_socket_whose_path_would_be_too_long_gets_a_private_place(
    server_folder: Path,
) -> None:
    deep = server_folder / ("d" * 120)
    deep.mkdir()
    deep.chmod(0o711)

    with EmbeddedPostgres(deep / "data") as server:
        place = server.socket_dir
        assert place.stat().st_mode & 0o777 == 0o700
        psycopg.connect(server.url()).close()

    assert not place.exists()


@pytest.mark.parametrize(
    "make", [EmbeddedPostgres, EmbeddedRedis], ids=["postgres", "redis"]
)
def test_a_data_folder_that_was_removed_is_said(
    server_folder: Path, make: Callable[[Path], EmbeddedPostgres | EmbeddedRedis]
) -> None:
    server = make(server_folder / "data")
    server.start()
    try:
        server.kill()
        shutil.rmtree(server_folder / "data")
        with pytest.raises(ServiceUnavailable, match="was removed while"):
            server.launch()
    finally:
        server.stop()

    with make(server_folder / "data"):
        pass


def test_a_redis_port_that_is_taken_is_said(server_folder: Path) -> None:
    with (
        EmbeddedRedis(server_folder / "first") as first,
        pytest.raises(ServiceUnavailable, match="Redis did not start"),
    ):
        EmbeddedRedis(server_folder / "second", port=first.port).start()


def test_a_half_written_redis_log_loses_its_last_command_only(
    server_folder: Path,
) -> None:
    with (
        EmbeddedRedis(server_folder) as server,
        Redis.from_url(server.url) as client,
    ):
        client.set("kept", "yes")
    with (server_folder / "appendonly.aof").open("ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$4\r\nha")

    with (
        EmbeddedRedis(server_folder) as server,
        Redis.from_url(server.url) as client,
    ):
        assert client.get("kept") == b"yes"


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_second_server_on_the_same_folder_is_refused(
    server_folder: Path, name: str
) -> None:
    make = {"postgres": EmbeddedPostgres, "redis": EmbeddedRedis}[name]
    with (
        make(server_folder / "data") as first,
        pytest.raises(
            ServiceUnavailable, match=rf"already runs on .*process {os.getpid()}"
        ),
    ):
        make(server_folder / "data").start()
    assert first.process is None


def test_a_lock_is_free_as_soon_as_its_holder_is_gone(tmp_path: Path) -> None:
    text = (
        "import sys, time; from pathlib import Path; from embedded.process import claim\n"
        "handle = claim(Path(sys.argv[1]), ''); print('held', flush=True); time.sleep(60)"
    )
    holder = spawn(
        [sys.executable, "-c", text, tmp_path / "lock"],
        output=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "platform")},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"

    with pytest.raises(ServiceUnavailable, match=f"held by {holder.pid}"):
        claim(tmp_path / "lock", "held by {holder}")
    holder.kill()
    holder.wait()
    holder.stdout.close()

    claim(tmp_path / "lock", "held by {holder}").close()


@as_root
def test_data_of_another_account_is_named(server_folder: Path) -> None:
    data = with_a_word(server_folder / "data")
    for path in [data, *data.rglob("*")]:
        os.chown(path, 54_321, 54_321)

    with pytest.raises(ServiceUnavailable, match="belongs to the account 54321"):
        EmbeddedPostgres(data).start()


@as_root
def test_no_folder_above_the_project_is_opened(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = server_folder / "base"
    monkeypatch.setattr(elsewhere, "BASE", base)
    monkeypatch.setattr(elsewhere.place_for, "__kwdefaults__", {"base": base})
    private = server_folder / "private" / "project"
    private.mkdir(parents=True)
    for folder in (private, private.parent):
        folder.chmod(0o700)

    with EmbeddedPostgres(private / "data") as server:
        connected = psycopg.connect(server.url())
        connected.close()
        place = server.data_dir
    with EmbeddedPostgres(private / "data") as again:
        assert again.data_dir == place

    modes = [folder.stat().st_mode & 0o777 for folder in (private, private.parent)]
    assert modes == [0o700, 0o700]
    assert place.is_relative_to(base)
    assert place.stat().st_mode & 0o777 == 0o700

    # With the project's folder emptied, the next place made removes the old one.
    (private / "data").unlink()
    with EmbeddedPostgres(private / "data") as third:
        assert third.data_dir != place
    assert not place.exists()


@as_root
def test_programs_that_cannot_be_reached_are_copied(server_folder: Path) -> None:
    hidden = server_folder / "hidden"
    (hidden / "pg" / "install" / "bin").mkdir(parents=True)
    for part in ("lib", "share"):
        (hidden / "pg" / "install" / part).mkdir()
    (hidden / "pg.libs").mkdir()
    program = hidden / "pg" / "install" / "bin" / "postgres"
    program.write_text("#!/bin/sh\necho here\n")
    program.chmod(0o700)
    hidden.chmod(0o700)
    user, base = service_user(), server_folder / "base"

    found = elsewhere.reachable_copy(program.parent, user, base=base)
    again = elsewhere.reachable_copy(program.parent, user, base=base)

    assert found == again != program.parent
    assert reaches(user, found / "postgres")
    assert (found.parents[2] / "pg.libs").is_dir()
    assert hidden.stat().st_mode & 0o777 == 0o700


@as_root
def test_a_place_somebody_else_prepared_is_refused(server_folder: Path) -> None:
    base = server_folder / "base"
    base.mkdir()
    os.chown(base, 54_321, 54_321)
    private = server_folder / "private"
    private.mkdir(mode=0o700)

    with pytest.raises(ServiceUnavailable, match="is not ours"):
        elsewhere.place_for(private / "data", service_user(), base=base)


STRANGER = r"""
import os, socket, sys
folder, socket_folder, port, var = sys.argv[1:]
"loaded while this account can reach it".encode("idna")
os.setgroups([]); os.setgid(54321); os.setuid(54321)
sys.path[:] = []
def attempt(name, act):
    try:
        act()
    except (OSError, PermissionError) as error:
        print(name, type(error).__name__)
    else:
        print(name, "open")
def to_postgres():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(socket_folder + "/.s.PGSQL.5432")
def to_redis():
    with socket.create_connection(("127.0.0.1", int(port)), 2) as connection:
        connection.sendall(b"CONFIG GET dir\r\n")
        if b"NOAUTH" in connection.recv(200):
            raise PermissionError
attempt("postgres", to_postgres)
attempt("redis", to_redis)
attempt("data", lambda: os.listdir(folder))
attempt("var", lambda: os.listdir(var))
for name in ("data.password", "data.log", "redis/redis.conf", "redis/appendonly.aof"):
    attempt(name, lambda: open(f"{var}/{name}").close())
command = open(f"/proc/{os.environ['REDIS_PID']}/cmdline").read()
print("arguments", "told" if os.environ["SECRET"] in command else "kept")
"""


@as_root
def test_another_account_of_this_machine_gets_nowhere(server_folder: Path) -> None:
    with (
        EmbeddedPostgres(server_folder / "data") as postgres,
        EmbeddedRedis(server_folder / "redis") as redis,
    ):
        said = subprocess.run(
            [
                *(sys.executable, "-c", STRANGER, postgres.data_dir),
                *(postgres.socket_dir, str(redis.port), server_folder),
            ],
            env={
                **os.environ,
                "REDIS_PID": str(redis.pid),
                "SECRET": redis.password,
            },
            capture_output=True,
            text=True,
        )

    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines() == [
        "postgres PermissionError",
        "redis PermissionError",
        "data PermissionError",
        "var PermissionError",
        "data.password PermissionError",
        "data.log PermissionError",
        "redis/redis.conf PermissionError",
        "redis/appendonly.aof PermissionError",
        "arguments kept",
    ]


@pytest.mark.parametrize(
    "make", [EmbeddedPostgres, EmbeddedRedis], ids=["postgres", "redis"]
)
def test_a_server_that_stands_still_is_noticed_and_keeps_its_address(
    server_folder: Path, make: Callable[[Path], EmbeddedPostgres | EmbeddedRedis]
) -> None:
    with make(server_folder / "data") as server:
        address = server.url
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        stood_still = server.answers(0.5)

        server.kill()
        server.launch()
        deadline = time.monotonic() + 20
        while not server.answers(0.5) and time.monotonic() < deadline:
            time.sleep(0.05)

        assert stood_still is False
        assert server.answers(1)
        assert server.url == address
