"""One answer and one charge for requests that carry the same ``Idempotency-Key``.

A day long, for whole answers only. The answer is kept encrypted; whoever sends the
key again gets it without the model being called. A key whose gateway was killed is
free again once its reservation is gone.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import hiredis
from cryptography.fernet import InvalidToken

from core.crypto import decrypt, encrypt
from inference.gateway import errors
from inference.gateway.redis import LeanRedis, RedisDown, Script
from inference.gateway.state import Caller
from stores.redis import prefixed

KEEP_SECONDS = 86_400
MAX_ANSWER = 1_000_000
MAX_KEY = 255

BEGIN = Script("""
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
END = Script("""
if redis.call('HGET', KEYS[1], 'request') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
return redis.call('HSET', KEYS[1], 'answer', ARGV[2])
""")


@dataclass(slots=True)
class Kept:
    """The answer that was kept, or that is to be kept."""

    answer: bytes | None = None


class Idempotency:
    """Remembers answers by organisation and key."""

    def __init__(self, redis: LeanRedis) -> None:
        self.redis = redis

    @asynccontextmanager
    async def running(
        self, caller: Caller, key: bytes, body: bytes, request_id: str
    ) -> AsyncIterator[Kept]:
        """Hold a key while its request runs. Raises ``GatewayError``.

        ``answer`` is set where the request was answered before; the block sets it
        otherwise, and a block that fails frees the key.
        """
        if len(key) > MAX_KEY:
            raise errors.bad_request(
                f"An Idempotency-Key has at most {MAX_KEY} characters."
            )
        name = prefixed(
            f"gw:{{{caller.organisation_id}}}:once:{hashlib.sha256(key).hexdigest()}"
        )
        kept = Kept(await self._begin(name, body, request_id))
        if kept.answer is not None:
            yield kept
            return
        try:
            yield kept
        finally:
            await self._end(name, request_id, kept.answer)

    async def _begin(self, name: str, body: bytes, request_id: str) -> bytes | None:
        try:
            verdict, *rest = await self.redis.run(
                BEGIN,
                [name, prefixed("gw:reservations")],
                hashlib.sha256(body).hexdigest(),
                request_id,
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

    async def _end(self, name: str, request_id: str, answer: bytes | None) -> None:
        kept = ""
        if answer is not None:
            # Too long to be kept is still too late to be run again.
            kept = encrypt(answer.decode()) if len(answer) <= MAX_ANSWER else "-"
        try:
            await self.redis.run(END, [name], request_id, kept)
        except (RedisDown, hiredis.ReplyError):
            # The key is free again when its reservation is gone.
            return
