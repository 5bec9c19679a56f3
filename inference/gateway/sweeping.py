"""Settling what a killed gateway left behind.

A reservation whose heartbeat stopped is settled from the last count it reported,
marked as estimated; exactly, where the gateway died between the answer and its
commit. One that reported nothing is free: nothing was delivered. One that cannot be
written down holds up no other.
"""

import json
import logging
import time
from datetime import datetime
from typing import Any

from django.db import DataError, IntegrityError, transaction

from inference.catalog.pricing import amount_of
from inference.limits.reservations import RELEASE, reservation_keys
from inference.usage import quota
from inference.usage.models import UsageEvent
from inference.usage.recording import Usage, record
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)
STALE_SECONDS = 30  # as long as a lease: fifteen heartbeats were missed


def sweep(*, stale_after: float = STALE_SECONDS) -> int:
    """Settle every reservation without a heartbeat; return how many there were."""
    redis = client()
    # Heartbeats carry Redis' own time.
    now = redis.time()[0]
    if redis.info("server")["uptime_in_seconds"] < stale_after:
        # Nobody could send a heartbeat: give those who live the time to.
        return 0
    stale = redis.zrangebyscore(
        prefixed("gw:reservations"), "-inf", now - stale_after, start=0, num=500
    )
    for member in stale:
        request_id = member.decode()
        try:
            _recover(redis, request_id)
        except (KeyError, TypeError, ValueError):
            # Of another release, whose worker can read it: it stays for that one.
            logger.exception("usage.unreadable", extra={"call": request_id})
    return len(stale)


def _recover(redis: Any, request_id: str) -> None:
    raw = redis.get(prefixed(f"gw:request:{request_id}"))
    if raw is None:
        redis.zrem(prefixed("gw:reservations"), request_id)
        return
    kept = json.loads(raw)
    who = kept.get("usage", kept)
    price = _write_down(_usage_of(request_id, kept))
    redis.eval(
        RELEASE.text,
        6,
        *reservation_keys(who["organisation_id"], kept["month"], request_id),
        request_id,
        price,
        quota.spent_field(who["key_id"]),
        # A record of the release before tells of none.
        quota.project_field(kept.get("project_id")),
        quota.member_field(kept.get("member_id")),
    )


def _write_down(usage: Usage) -> int:
    """Return what a call is sold for, once it is written down.

    The gateway may have died after its commit and before giving back, or commit just
    now: what is written down is what counts. What the database refuses is given back.
    """
    try:
        # Keys to other tables are looked at when a transaction ends.
        with transaction.atomic():
            is_new = bool(record([usage]))
    except (IntegrityError, DataError):
        # An organisation that was deleted meanwhile, for one.
        logger.exception("usage.refused", extra={"call": usage.request_id})
        return 0
    if is_new:
        logger.warning("usage.swept", extra={"call": usage.request_id})
    return UsageEvent.objects.get(pk=usage.request_id).price_nano


def _usage_of(request_id: str, kept: dict[str, Any]) -> Usage:
    """Return what a request used: exactly where it had ended, else as reported."""
    if "usage" in kept:
        final = kept["usage"]
        return Usage(
            **{**final, "occurred_at": datetime.fromisoformat(final["occurred_at"])}
        )
    return _estimated(request_id, kept)


def _estimated(request_id: str, kept: dict[str, Any]) -> Usage:
    occurred_at = datetime.fromisoformat(kept["occurred_at"])
    tokens_out: int = kept["tokens_out"]
    tokens_in: int = kept["tokens_in"] if tokens_out else 0
    attempts: int = kept.get("attempts", 0)
    # A prompt that was being read is a cost of ours, whether or not a word came of it.
    read = kept["tokens_in"] if attempts else tokens_in
    cost = amount_of(kept["cost"], tokens_in=read, tokens_out=tokens_out)

    return Usage(
        request_id=request_id,
        occurred_at=occurred_at,
        organisation_id=kept["organisation_id"],
        key_id=kept["key_id"],
        model=kept["model"],
        edition=kept["edition"],
        price_version_id=kept["price_version_id"],
        # A record of the release before tells of none.
        price_list_id=kept.get("price_list_id"),
        discount_bps=kept.get("discount_bps", 0),
        status=UsageEvent.Status.SWEPT,
        is_stream=kept["is_stream"],
        is_estimated=True,
        tokens_in=tokens_in,
        tokens_cached=0,
        tokens_out=tokens_out,
        price_nano=amount_of(kept["price"], tokens_in=tokens_in, tokens_out=tokens_out),
        cost_nano=cost + kept.get("lost_nano", 0),
        first_byte_ms=kept.get("first_byte_ms"),
        total_ms=int((time.time() - occurred_at.timestamp()) * 1000),
        # A record of the release before has none of these, nor has one of a call that
        # no heartbeat told of.
        client_request_id=kept.get("client_request_id", ""),
        deployment_id=kept.get("deployment_id"),
        attempts=attempts,
        upstream_status=kept.get("upstream_status"),
        answered_by=kept.get("answered_by", "") if tokens_in else "",
        held_nano=kept.get("held_nano", 0),
        doubt="the gateway ended before the call did",
    )
