"""What only staff can put right at a deployment: its key, its address, its account.

The gateway leaves a note in Redis when an upstream refuses it; ``doctor`` reads it.
Notes end by themselves, and at the next answer.
"""

from collections.abc import Iterable

import orjson
from redis.exceptions import RedisError

from stores.redis import client, prefixed

# A deployment that nobody calls for a day has no news; its alarm is not of today.
KEEP_SECONDS = 86_400


def alarm_key(deployment_id: int) -> str:
    """Return the Redis key of a deployment's note."""
    return prefixed(f"gw:alarm:{deployment_id}")


def refusals(deployment_ids: Iterable[int]) -> dict[int, int]:
    """Return the status each of these deployments last refused the gateway with."""
    ids = list(deployment_ids)
    try:
        notes = client().mget([alarm_key(pk) for pk in ids]) if ids else []
    except RedisError:
        # A note is a hint; that Redis is away is an alarm of its own.
        return {}
    return {
        pk: int(orjson.loads(note)["status"])
        for pk, note in zip(ids, notes, strict=True)
        if note
    }
