"""What every test may use."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.servers import passable_folder
from tests.prepared import prepare

pytest_plugins = ["tests.browser.chromium", "tests.emptying", "tests.model_servers"]

# The same examples in every run, and no limit that a busy machine breaks.
# ARGS=--hypothesis-profile=default draws new ones.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")

# Read when numpy is loaded. Two threads for a sum wait for each other by turning round
# and round: beside another worker's tests a simulation took twice as long with them.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

# What starts a whole product. Whichever test comes first waits for it, ten minutes at
# most (tests/browser/stack.py), and has its own five after that.
STARTS = {"demo_site", "stack"}
STARTED_WITHIN = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave a test the time in which the product it is about starts."""
    for item in items:
        needed = STARTS & set(getattr(item, "fixturenames", ()))
        if needed and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(STARTED_WITHIN))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """Copy a prepared database, instead of running all migrations for each worker."""
    from django.db import connection

    connection.settings_dict["TEST"]["TEMPLATE"] = prepare()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """End sessions that processes of a test have left, so the database can go."""
    yield
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.close()


@pytest.fixture(scope="session", autouse=True)
def _routes() -> None:
    """Read the routes before a test sets a provider up for itself alone."""
    from django.urls import get_resolver

    assert get_resolver().url_patterns


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Speak English again after a test whose reader spoke Chinese."""
    yield
    from django.utils import translation

    translation.deactivate()


@pytest.fixture(autouse=True)
def _clean_redis() -> Iterator[None]:
    """Leave no key behind: limits and caches of one test are not another's."""
    yield
    from django.conf import settings

    from stores.redis import client

    keys = list(client().scan_iter(f"{settings.REDIS_PREFIX}*", count=1000))
    if keys:
        client().delete(*keys)


@pytest.fixture(autouse=True)
def _closed_breakers() -> Iterator[None]:
    """Forget the outages of one test before the next."""
    yield
    from billing.stripe import adapter
    from notifications import mailing
    from search import embedder
    from stores import nudging
    from stores.postgresql import driver

    for breaker in (
        adapter.breaker,
        driver.breaker,
        embedder.breaker,
        mailing.breaker,
        nudging.breaker(),
    ):
        breaker.succeed()


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server that may run under another account."""
    with passable_folder() as folder:
        yield folder


@pytest.fixture
def deliver_outbox() -> Callable[[], int]:
    """Return a function that delivers every pending fact, and those they cause."""

    def deliver() -> int:
        from jobs.working import sweep

        delivered = 0
        while count := sweep("fact"):
            delivered += count
        return delivered

    return deliver


@pytest.fixture
def person(db: None) -> Callable[..., Any]:
    """Return a function that makes a verified person with a personal organisation."""

    def make(name: str, **fields: Any) -> Any:
        from accounts.services import create_user

        return create_user(f"{name}@example.test", name, "correct horse", **fields)

    return make
