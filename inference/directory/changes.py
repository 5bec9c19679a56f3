"""Hearing at once of keys, plans and models that change elsewhere."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from entitlements.services import CHANNEL as ENTITLEMENTS
from inference.catalog.services import CHANNEL as CATALOGUE
from inference.directory.directory import Directory
from inference.keys.services import CHANNEL as KEYS
from stores.redis import TIMEOUT, prefixed


async def follow_changes(
    directory: Directory,
    recheck: Callable[[str], Awaitable[None]],
    others: Mapping[str, Callable[[str], Awaitable[None]]],
) -> None:
    """Forget keys, plans and models the moment they change.

    ``recheck`` is told of each key that changed, by its digest; ``others`` of what is
    said on channels of their own.
    """
    listeners = {prefixed(name): hear for name, hear in others.items()}
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
                    *(prefixed(KEYS), prefixed(ENTITLEMENTS), prefixed(CATALOGUE)),
                    *listeners,
                )
                async for message in channels.listen():
                    channel = message["channel"].decode()
                    if message["type"] == "subscribe":
                        # What was announced before this was missed.
                        directory.forget_everything()
                    elif message["type"] == "message":
                        what = message["data"].decode()
                        if channel in listeners:
                            await listeners[channel](what)
                            continue
                        _forget(directory, channel, what)
                        if channel == prefixed(KEYS):
                            await recheck(what)
        except (RedisError, OSError):
            await asyncio.sleep(0.5)
        finally:
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()


def _forget(directory: Directory, channel: str, what: str) -> None:
    if channel == prefixed(KEYS):
        directory.forget_key(what)
    elif channel == prefixed(ENTITLEMENTS):
        directory.forget_organisation(int(what))
    else:
        directory.forget_models()
