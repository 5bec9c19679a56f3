"""The shared Redis client. Redis is never the only place anything is kept."""

from functools import lru_cache
from typing import Any

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def client() -> Any:
    """Return the process's client; commands fail within a second, never hang."""
    return redis.Redis.from_url(
        settings.REDIS_CACHE_URL,
        socket_timeout=1,
        socket_connect_timeout=1,
        health_check_interval=30,
    )


def prefixed(name: str) -> str:
    """Return ``name`` under this installation's prefix."""
    return f"{settings.REDIS_PREFIX}{name}"
