"""A pytest plugin that starts real PostgreSQL and Redis before Django's settings load.

The servers are started once, by the process the workers belong to, on a data
folder that is kept: making it costs more than starting on it. ``DATABASE_URL``
and ``REDIS_URL`` name servers of your own instead.
"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

VAR = ROOT / "var" / "test" / os.environ.get("DOORSTONE_SLOT", "main")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
services = ExitStack()
COLLECTED = pytest.StashKey[list[str]]()


def start_services() -> None:
    """Start what the environment does not name and name it there."""
    from embedded.postgres import EmbeddedPostgres
    from embedded.redis import EmbeddedRedis

    os.environ.setdefault("VAR_DIR", str(VAR))
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(
            VAR / "postgres",
            settings={
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "max_connections": "200",
            },
        )
        services.enter_context(postgres)
        os.environ["DATABASE_URL"] = postgres.url()
    if "REDIS_URL" not in os.environ:
        redis = EmbeddedRedis(VAR / "redis")
        services.enter_context(redis)
        os.environ["REDIS_URL"] = redis.url


if not WORKER:
    start_services()
# Workers share the servers but neither a database nor a key.
os.environ["REDIS_PREFIX"] = f"test:{WORKER or 'main'}:"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note every test in the order it was found, before plugins sort or rename."""
    item.config.stash.setdefault(COLLECTED, []).append(item.nodeid)


def pytest_unconfigure() -> None:
    services.close()
