"""The shared Redis client. Redis is never the only place anything is kept."""

from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import TimeoutError as RedisSilent
from redis.retry import Retry

from core.breaker import Breaker

# An answer takes a millisecond. Who meets a frozen server pays this once, for a new
# connection at most twice.
TIMEOUT = settings.STORE_SILENCE
# How long to do without before one caller tries again: it pays the time-out above.
REST = 2.0


class BoundedRedis(redis.Redis):
    """Redis, asked within its time-outs and not at all while it is away."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.breaker = Breaker(
            "redis",
            rest=REST,
            refusal=lambda: RedisGone("Redis did not answer just now."),
        )

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with self.breaker.asking(RedisGone, RedisSilent):
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(
        self, transaction: bool = True, shard_hint: str | None = None
    ) -> "BoundedPipeline":
        pipeline = BoundedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipeline.breaker = self.breaker
        return pipeline


class BoundedPipeline(Pipeline):
    """Several commands at once, under the same deadline and breaker."""

    breaker: Breaker

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with self.breaker.asking(RedisGone, RedisSilent):
            return super().execute(raise_on_error)


@lru_cache(maxsize=1)
def client() -> Any:
    """Return the process's client, for limits, buffers, announcements and the cache.

    A command is sent once: the library's own ten tries would multiply the deadline.
    """
    return BoundedRedis.from_url(
        settings.REDIS_CACHE_URL,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


def prefixed(name: str) -> str:
    """Return ``name`` under this installation's prefix."""
    return f"{settings.REDIS_PREFIX}{name}"
