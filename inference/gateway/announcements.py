"""Hearing at once of keys, plans and models that change elsewhere."""

import asyncio
import contextlib

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from entitlements.services import CHANNEL as ENTITLEMENTS
from inference.catalog.services import CHANNEL as CATALOGUE
from inference.gateway.engine import Engine
from inference.gateway.redis import TIMEOUT
from inference.keys.services import CHANNEL as KEYS
from stores.redis import prefixed


async def hear_of_changes(engine: Engine) -> None:
    """Forget keys, plans and models the moment they change."""
    while True:
        client = redis.asyncio.Redis.from_url(
            settings.REDIS_CACHE_URL,
            # For commands; hearing has no deadline. Who is deaf because Redis froze
            # notices a change when the copy ends, five seconds later.
            socket_connect_timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            socket_keepalive=True,
            health_check_interval=5,
        )
        try:
            async with client.pubsub() as channels:
                await channels.subscribe(
                    prefixed(KEYS), prefixed(ENTITLEMENTS), prefixed(CATALOGUE)
                )
                async for message in channels.listen():
                    channel = message["channel"].decode()
                    if message["type"] == "subscribe":
                        # What was announced before this was missed.
                        engine.directory.forget_everything()
                    elif message["type"] == "message":
                        await _forget(engine, channel, message["data"].decode())
        except (RedisError, OSError):
            await asyncio.sleep(0.5)
        finally:
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()


async def _forget(engine: Engine, channel: str, what: str) -> None:
    if channel == prefixed(KEYS):
        engine.directory.forget_key(what)
        await engine.recheck(what)
    elif channel == prefixed(ENTITLEMENTS):
        engine.directory.forget_organisation(int(what))
    else:
        engine.directory.forget_models()
