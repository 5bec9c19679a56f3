"""Django's Redis cache, except that an unreachable Redis is an empty cache."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

from stores.redis import client

logger = logging.getLogger(__name__)


def _forgiving(method: Callable[..., Any], fallback: Any) -> Callable[..., Any]:
    @wraps(method)
    def call(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except RedisError as error:
            logger.warning("cache.unavailable", extra={"error": str(error)})
            return fallback(*args, **kwargs)

    return call


def _default(*args: Any, **kwargs: Any) -> Any:
    return kwargs.get("default", args[1] if len(args) > 1 else None)


class _SharedClient(RedisCacheClient):
    """The cache asks through the process's client: one deadline and one breaker."""

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return client()


class ForgivingRedisCache(RedisCache):
    """Reads miss and writes are dropped while Redis is away: pages keep working."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _SharedClient

    get = _forgiving(RedisCache.get, _default)
    set = _forgiving(RedisCache.set, lambda *a, **k: None)
    # Claims made through ``add`` are granted: the caller's own store decides.
    add = _forgiving(RedisCache.add, lambda *a, **k: True)
    delete = _forgiving(RedisCache.delete, lambda *a, **k: False)
    touch = _forgiving(RedisCache.touch, lambda *a, **k: False)
    incr = _forgiving(RedisCache.incr, lambda *a, **k: 1)
    has_key = _forgiving(RedisCache.has_key, lambda *a, **k: False)
    get_many = _forgiving(RedisCache.get_many, lambda *a, **k: {})
    set_many = _forgiving(RedisCache.set_many, lambda *a, **k: [])
    delete_many = _forgiving(RedisCache.delete_many, lambda *a, **k: None)

    def clear(self) -> None:
        """Empty the cache alone: the server may hold the broker's queues, too."""
        redis = client()
        for key in redis.scan_iter(f"{self.key_prefix}:*", count=1000):
            redis.delete(key)
