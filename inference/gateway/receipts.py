"""``GET /v1/usage/{id}``: what one call came to, told to its organisation."""

import re
from typing import Any

import hiredis
import orjson
from django.db import Error as DatabaseError

from core.errors import Unavailable
from core.money import NANO
from inference.directory.callers import Caller
from inference.limits.reservations import request_key
from inference.protocol import errors
from inference.protocol.errors import APIError
from inference.usage.corrections import billed
from inference.usage.models import UsageEvent
from stores.lean_redis import LeanRedis, RedisDown
from stores.threads import in_thread

# A call is asked for by its request id, or by the id of the answer it brought.
_ID = re.compile(r"(?:req_|chatcmpl-|cmpl-|resp_|msg_)([0-9a-f]{32})")


async def receipt(redis: LeanRedis, caller: Caller, name: str) -> bytes:
    """Return a settled call as JSON. Raises ``APIError``, and ``Unavailable``.

    Another organisation's call is as unknown as one that never was.
    """
    found = _ID.fullmatch(name)
    if found is None:
        raise errors.usage_not_found(name)
    request_id = f"req_{found.group(1)}"
    try:
        told = await in_thread(_found, caller.organisation_id, request_id)
    except DatabaseError as error:
        raise Unavailable from error
    if told is None:
        raise await _missing(redis, caller, request_id)
    return orjson.dumps(told)


async def _missing(redis: LeanRedis, caller: Caller, request_id: str) -> APIError:
    """Return why there is no row: the call still runs, or there was none."""
    try:
        kept = await redis.call("GET", request_key(request_id))
    except (RedisDown, hiredis.ReplyError):
        kept = None
    if kept:
        record = orjson.loads(kept)
        who = record.get("usage", record)
        if who.get("organisation_id") == caller.organisation_id:
            return errors.usage_not_settled(request_id)
    return errors.usage_not_found(request_id)


def _found(organisation_id: int, request_id: str) -> dict[str, Any] | None:
    event = UsageEvent.objects.filter(
        pk=request_id, organisation_id=organisation_id
    ).first()
    return None if event is None else _told(event)


def _told(event: UsageEvent) -> dict[str, Any]:
    used = billed(event)
    entries = [
        {
            "created": int(entry.made_at.timestamp()),
            "reason": entry.reason,
            "prompt_tokens": entry.tokens_in,
            "completion_tokens": entry.tokens_out,
            "price_nano": entry.price_nano,
        }
        for entry in event.corrections.order_by("pk")
    ]
    return {
        "id": event.request_id,
        "object": "usage",
        "created": int(event.occurred_at.timestamp()),
        "model": event.model,
        "status": event.status,
        "error_code": event.error_code or None,
        "is_stream": event.is_stream,
        "attempts": event.attempts,
        "usage": {
            "prompt_tokens": used.tokens_in,
            "completion_tokens": used.tokens_out,
            "total_tokens": used.tokens_in + used.tokens_out,
            "prompt_tokens_details": {"cached_tokens": used.tokens_cached},
            "parts": event.parts or {},
        },
        # Counted by us, since the model's server did not say or cannot be right.
        "is_estimated": event.is_estimated,
        "price_nano": used.price_nano,
        "price_usd": f"{used.price_nano / NANO:.9f}",
        "corrections": entries,
        # Given again from the cache, and what the first time was sold for.
        "is_cached": event.saved_nano is not None,
        "saved_nano": event.saved_nano,
        "first_token_ms": event.first_byte_ms,
        "total_ms": event.total_ms,
        "client_request_id": event.client_request_id or None,
    }
