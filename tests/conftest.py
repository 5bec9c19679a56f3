"""What every test may use."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest_plugins = ["tests.browser.chromium"]


@pytest.fixture(autouse=True)
def _clean_redis() -> Iterator[None]:
    """Leave no key behind: limits and caches of one test are not another's."""
    yield
    from django.conf import settings

    from core.redis import client

    keys = list(client().scan_iter(f"{settings.REDIS_PREFIX}*", count=1000))
    if keys:
        client().delete(*keys)


@pytest.fixture
def deliver_outbox() -> Callable[[], int]:
    """Return a function that delivers every pending fact, and those they cause."""

    def deliver() -> int:
        from outbox import services as outbox

        delivered = 0
        while count := outbox.relay():
            delivered += count
        return delivered

    return deliver


@pytest.fixture
def person(db: None) -> Callable[..., Any]:
    """Return a function that makes a verified person with a personal organisation."""

    def make(name: str, **fields: object) -> Any:
        from accounts.services import create_user

        return create_user(f"{name}@example.test", name, "correct horse", **fields)

    return make
