"""One answer and one charge for requests that carry the same ``Idempotency-Key``.

A day long, for whole answers only. The answer is kept encrypted; whoever sends the
key again gets it without the model being called. A key whose gateway was killed is
free again once its reservation is gone.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hiredis
from cryptography.fernet import InvalidToken

from core.crypto import decrypt, encrypt
from inference.gateway.exchange import Exchange
from inference.protocol import errors
from stores.lean_redis import LeanRedis, RedisDown, Script
from stores.redis import prefixed

KEEP_SECONDS = 86_400
MAX_ANSWER = 1_000_000
MAX_KEY = 255

CLAIM = Script("""
local now = tonumber(redis.call('TIME')[1])
local kept = redis.call('HMGET', KEYS[1], 'body', 'request', 'at', 'answer')
if kept[1] then
  if kept[1] ~= ARGV[1] then return {'mismatch'} end
  if kept[4] then return {'done', kept[4]} end
  if now - tonumber(kept[3]) < 30 or redis.call('ZSCORE', KEYS[2], kept[2]) then
    return {'running'}
  end
end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'request', ARGV[2], 'at', now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {'new'}
""")

# Only whoever runs the request says how it ended.
KEEP = Script("""
if redis.call('HGET', KEYS[1], 'request') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
return redis.call('HSET', KEYS[1], 'answer', ARGV[2])
""")


class Replays:
    """Remembers answers by organisation and key."""

    def __init__(self, redis: LeanRedis) -> None:
        self.redis = redis

    @asynccontextmanager
    async def claiming(self, exchange: Exchange) -> AsyncIterator[None]:
        """Replay an answer, or hold the key while the block runs. Raises ``APIError``.

        A block that brings no answer frees the key. A request without one is let
        through.
        """
        if not exchange.idempotency_key:
            yield
            return
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
        key = exchange.idempotency_key
        if len(key) > MAX_KEY:
            raise errors.bad_request(
                f"An Idempotency-Key has at most {MAX_KEY} characters."
            )
        try:
            verdict, *rest = await self.redis.run(
                CLAIM,
                [_name_of(exchange), prefixed("gw:reservations")],
                exchange.fingerprint,
                exchange.request_id,
                KEEP_SECONDS,
            )
        except (RedisDown, hiredis.ReplyError) as error:
            # The promise cannot be kept, and the caller asked for it.
            raise errors.limiter_unavailable() from error
        if verdict == b"mismatch":
            raise errors.idempotency_mismatch()
        if verdict == b"running":
            raise errors.idempotency_conflict()
        if verdict == b"new":
            return None
        try:
            return decrypt(rest[0].decode()).encode()
        except InvalidToken as error:
            raise errors.idempotency_unrepeatable() from error

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
