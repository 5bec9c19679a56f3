"""Answers given again to identical requests: for keys that chose it, whole ones only.

What was asked for is found by a digest of the protocol and the body, whatever the order
of its fields. Streams, stored responses and requests with tools always run: a tool call
that is given again is carried out again. An answer of before is free, since it costs us
nothing, and the limits count its request as any other (decision 71).
"""

import hashlib
import time

import hiredis
import orjson
from cryptography.fernet import InvalidToken

from core.crypto import decrypt, encrypt
from inference.caching.answers import (
    KEEP,
    MOST_ANSWER,
    MOST_BYTES,
    MOST_REQUEST,
    cache_keys,
)
from inference.gateway import metrics
from inference.gateway.exchange import Exchange
from inference.gateway.request import Request
from stores.lean_redis import LeanRedis, RedisDown

# With one of these a model may have something done, or look something up.
_ACTS = ("tools", "functions", "web_search_options")


def name_request(request: Request, exchange: Exchange, body: bytes) -> None:
    """Have an exchange look into the cache, if its answer may be given again.

    ``cache-control: no-cache`` asks for a new answer, ``no-store`` has none kept.
    """
    call = exchange.call
    if call.is_stream or call.keep is not None or len(body) > MOST_REQUEST:
        return
    if any(call.payload.get(name) for name in _ACTS):
        return
    wishes = request.header(b"cache-control").lower()
    if b"no-store" in wishes:
        return
    name = hashlib.sha256(request.dialect.name.encode() + b"\n" + _sorted(body))
    exchange.cache_as(name.hexdigest(), takes_cached=b"no-cache" not in wishes)


def _sorted(body: bytes) -> bytes:
    """Return a body with its fields in one order, so that only what it says counts."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, TypeError):
        # It was read by a reader that takes more; it is compared as it is.
        return body


class AnswerCache:
    """Finds and keeps answers, each for its organisation alone.

    Without Redis every request runs.
    """

    def __init__(self, redis: LeanRedis) -> None:
        self.redis = redis

    async def find(self, exchange: Exchange) -> bool:
        """Take the answer of before, if there is one; tell whether there was."""
        found = await self._young_answer(exchange) if exchange.takes_cached else None
        metrics.CACHED.labels("miss" if found is None else "hit").inc()
        if found is None:
            return False
        answer, sold_nano = found
        exchange.reuse(answer, saved_nano=sold_nano)
        return True

    async def keep(self, exchange: Exchange) -> None:
        """Keep what a model answered; a stand-in's answer is not the model's."""
        answer = exchange.answer
        seconds = exchange.caller.rules.cache_seconds
        if not seconds or len(answer) > MOST_ANSWER or exchange.answered_by:
            return
        tokens = exchange.tokens
        kept = {
            "at": int(time.time()),
            "id": exchange.request_id,
            "sold_nano": exchange.model.price_of(
                tokens.prompt, tokens.cached, tokens.completion, tokens.parts
            ),
            "answer": encrypt(answer.decode()),
        }
        keys = cache_keys(exchange.caller.organisation_id)
        value = orjson.dumps(kept)
        try:
            await self.redis.run(
                KEEP, keys, exchange.cache_name, value, seconds, MOST_BYTES
            )
        except (RedisDown, hiredis.ReplyError):
            return

    async def _young_answer(self, exchange: Exchange) -> tuple[bytes, int] | None:
        """Return an answer young enough for the key, and what it was sold for."""
        answers = cache_keys(exchange.caller.organisation_id)[0]
        try:
            value = await self.redis.call("HGET", answers, exchange.cache_name)
        except (RedisDown, hiredis.ReplyError):
            return None
        if value is None:
            return None
        kept = orjson.loads(value)
        seconds = exchange.caller.rules.cache_seconds or 0
        # One key may have kept it for longer than another wants it.
        if time.time() - kept["at"] >= seconds:
            return None
        try:
            answer = decrypt(kept["answer"]).encode()
        except InvalidToken:
            # Of a key that was taken out of ``FIELD_KEYS``.
            return None
        # Each answer has the id of the call it is given to: its row is found by it.
        first, own = _ids(kept["id"]), _ids(exchange.request_id)
        return answer.replace(first, own), int(kept["sold_nano"])


def _ids(request_id: str) -> bytes:
    """Return what the ids of a call and of its answer have in common."""
    return request_id.removeprefix("req_").encode()
