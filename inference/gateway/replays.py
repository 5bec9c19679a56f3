"""``Idempotency-Key`` in the gateway: kept in Redis, for whole answers only.

A caller who sends the key again gets the answer without the model being called, and
nothing is charged again. A key whose gateway was killed is free again once its
reservation is gone: the sweeper has settled it then.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    nullcontext,
)

import hiredis

from core.crypto import encrypt
from core.errors import DomainError
from core.idempotency import DIGESTED, LIFETIME, Kept, replay
from inference.gateway.exchange import Exchange
from inference.protocol import errors
from stores.lean_redis import LeanRedis, RedisDown, Script
from stores.redis import prefixed

MAX_ANSWER = 1_000_000  # longer than models write; Redis keeps it for a day
# How long a claim holds before its reservation is to be seen.
CLAIM_SECONDS = 30

# Claims a key nobody holds, or whose holder is gone; else returns what is kept.
CLAIM = Script("""
local now = tonumber(redis.call('TIME')[1])
local kept = redis.call('HMGET', KEYS[1], 'body', 'request', 'at', 'answer')
if kept[1] then
  local is_held = now - tonumber(kept[3]) < tonumber(ARGV[4])
    or redis.call('ZSCORE', KEYS[2], kept[2])
  if kept[1] ~= ARGV[1] or kept[4] or is_held then return {kept[1], kept[4]} end
end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'request', ARGV[2], 'at', now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {}
""")

# Only the request that holds the key says how it ended.
KEEP = Script("""
if redis.call('HGET', KEYS[1], 'request') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
return redis.call('HSET', KEYS[1], 'answer', ARGV[2])
""")


_UNCLAIMED = nullcontext[None]()


class Replays:
    """Remembers answers by organisation and key."""

    def __init__(self, redis: LeanRedis) -> None:
        self.redis = redis

    def claiming(self, exchange: Exchange) -> AbstractAsyncContextManager[None]:
        """Replay an answer, or hold the key while the block runs. Raises ``APIError``.

        A block that brings no answer frees the key. A request without one is let
        through.
        """
        return self._claimed(exchange) if exchange.idempotency_key else _UNCLAIMED

    @asynccontextmanager
    async def _claimed(self, exchange: Exchange) -> AsyncIterator[None]:
        kept = await self._claim(exchange)
        if kept is not None:
            exchange.replay(kept)
            yield
            return
        try:
            yield
        finally:
            await self._keep(exchange)

    async def _claim(self, exchange: Exchange) -> bytes | None:
        """Return the answer that was kept, or hold the key."""
        try:
            DIGESTED.check(exchange.idempotency_key.decode("latin-1"))
            kept = await self.redis.run(
                CLAIM,
                [_name_of(exchange), prefixed("gw:reservations")],
                exchange.fingerprint,
                exchange.request_id,
                int(LIFETIME.total_seconds()),
                CLAIM_SECONDS,
            )
            if not kept:
                return None
            digest, answer = kept
            first = Kept(digest.decode(), answer.decode() if answer else None)
            return replay(first, exchange.fingerprint).encode()
        except (RedisDown, hiredis.ReplyError) as error:
            # The promise cannot be kept, and the caller asked for it.
            raise errors.limiter_unavailable() from error
        except DomainError as no:
            raise errors.idempotency_refused(no) from no

    async def _keep(self, exchange: Exchange) -> None:
        answer, kept = exchange.answer, ""
        if answer:
            # Too long to be kept is still too late to be run again.
            kept = encrypt(answer.decode()) if len(answer) <= MAX_ANSWER else "-"
        try:
            await self.redis.run(KEEP, [_name_of(exchange)], exchange.request_id, kept)
        except (RedisDown, hiredis.ReplyError):
            # The key is free again when its reservation is gone.
            return


def _name_of(exchange: Exchange) -> str:
    digest = hashlib.sha256(exchange.idempotency_key).hexdigest()
    return prefixed(f"gw:{{{exchange.caller.organisation_id}}}:once:{digest}")
