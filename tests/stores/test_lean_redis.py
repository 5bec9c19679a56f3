"""The client of one event loop."""

import asyncio
from typing import Any

from stores.lean_redis import LeanRedis


def test_the_lean_client_works_under_the_loop_of_the_server() -> None:
    import uvloop
    from django.conf import settings

    async def ask() -> Any:
        redis = LeanRedis(settings.REDIS_CACHE_URL)
        try:
            return await redis.call("ECHO", "here")
        finally:
            await redis.close()

    assert uvloop.run(ask()) == b"here"
    assert asyncio.run(ask()) == b"here"
