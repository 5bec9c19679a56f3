"""May this request run now? One round trip decides and reserves its price.

A reservation lives in the same Redis hash as what the organisation has spent, so
that both are lost together or not at all: a wiped Redis is loaded from
PostgreSQL again and forgets no quota. Without Redis a share of the limits is
given from this process's memory, and PostgreSQL's own sum guards the money.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import hiredis
import orjson

from core.redis import prefixed
from inference.gateway import errors
from inference.gateway.redis import LeanRedis, RedisDown, Script
from inference.gateway.state import Caller, in_thread, load_spent

LEASE_SECONDS = 30
# Without Redis each process gives this share of a limit: others may run too.
FALLBACK_SHARE = 0.25
FALLBACK_SPENT_SECONDS = 2.0

# Keys: money, leases, requests, tokens, reservations, record.
# Every check comes before the first write: a refusal leaves nothing behind.
ADMIT = Script("""
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local request, hold, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local rpm, tpm, concurrent = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local allowance, lease = tonumber(ARGV[7]), tonumber(ARGV[8])
local key_field, key_limit = ARGV[9], tonumber(ARGV[10])

local money = redis.call('HMGET', KEYS[1], 'spent', 'held', key_field)
if not money[1] or (key_limit >= 0 and not money[3]) then return {'miss'} end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= concurrent then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  return {'concurrency', math.min(1000000, tonumber(first[2]) - now)}
end

local r_step = math.floor(60000000 / rpm)
local r_tat = math.max(tonumber(redis.call('GET', KEYS[3]) or now), now)
local r_next = r_tat + r_step
if r_next - now > 60000000 then return {'requests', r_next - now - 60000000} end

-- More than a minute's tokens at once run alone, on a full bucket.
want = math.min(want, tpm)
local t_step = 60000000 / tpm
local t_tat = math.max(tonumber(redis.call('GET', KEYS[4]) or now), now)
local t_next = t_tat + math.floor(want * t_step)
if t_next - now > 60000000 then return {'tokens', t_next - now - 60000000} end

local spent, held = tonumber(money[1]), tonumber(money[2] or 0)
if hold > 0 and allowance >= 0 and spent + held + hold > allowance then return {'quota'} end
if hold > 0 and key_limit >= 0 and tonumber(money[3]) + hold > key_limit then return {'quota'} end

redis.call('SET', KEYS[3], string.format('%.0f', r_next), 'PX', math.ceil((r_next - now) / 1000))
redis.call('SET', KEYS[4], string.format('%.0f', t_next), 'PX', math.ceil((t_next - now) / 1000) + 1)
redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease * 1000000), request)
redis.call('EXPIRE', KEYS[2], 3600)
redis.call('HSET', KEYS[1], 'r:' .. request, hold)
redis.call('HINCRBY', KEYS[1], 'held', hold)
redis.call('ZADD', KEYS[5], string.format('%.0f', now / 1000000), request)
redis.call('SET', KEYS[6], ARGV[11], 'EX', 86400)
return {'ok', math.floor((60000000 - (r_next - now)) / r_step), r_next - now,
        math.floor((60000000 - (t_next - now)) / t_step), t_next - now}
""")

# Gives back what was held. Whoever comes second finds no reservation and changes nothing.
RELEASE = Script("""
local request, price, key_field = ARGV[1], tonumber(ARGV[2]), ARGV[3]
redis.call('ZREM', KEYS[2], request)
redis.call('ZREM', KEYS[5], request)
redis.call('DEL', KEYS[6])
local hold = redis.call('HGET', KEYS[1], 'r:' .. request)
if not hold then
  -- Redis forgot the reservation: have what was spent read from PostgreSQL again.
  redis.call('HDEL', KEYS[1], 'spent')
  return 0
end
redis.call('HDEL', KEYS[1], 'r:' .. request)
redis.call('HINCRBY', KEYS[1], 'held', -tonumber(hold))
if price > 0 then
  -- A sum that is not there is read from PostgreSQL, this price included.
  if redis.call('HEXISTS', KEYS[1], 'spent') == 1 then
    redis.call('HINCRBY', KEYS[1], 'spent', price)
  end
  if redis.call('HEXISTS', KEYS[1], key_field) == 1 then
    redis.call('HINCRBY', KEYS[1], key_field, price)
  end
end
return 1
""")

LOAD = Script("""
redis.call('HSETNX', KEYS[1], 'spent', ARGV[1])
redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], 3456000)
return 1
""")


@dataclass(slots=True)
class Reservation:
    """What one admitted request holds until it is settled."""

    request_id: str
    organisation_id: int
    key_id: int
    month: str
    hold: int
    is_in_redis: bool
    headers: dict[str, str] = field(default_factory=dict)


class Admission:
    """Admits requests, and takes back what they held."""

    def __init__(self, redis: LeanRedis) -> None:
        self.redis = redis
        self.fallback = FallbackLimits()

    async def admit(
        self,
        caller: Caller,
        *,
        request_id: str,
        hold: int,
        tokens: int,
        record: dict[str, object],
    ) -> Reservation:
        """Reserve ``hold`` billionths and ``tokens``. Raises ``GatewayError``."""
        month = datetime.now(UTC).strftime("%Y%m")
        reservation = Reservation(
            request_id,
            caller.organisation_id,
            caller.key_id,
            month,
            hold,
            is_in_redis=True,
        )
        try:
            answer = await self._ask(caller, reservation, tokens, record)
            if answer[0] == b"miss":
                await self._load(caller, reservation)
                answer = await self._ask(caller, reservation, tokens, record)
        except (RedisDown, hiredis.ReplyError):
            return await self.fallback.admit(caller, reservation, tokens)
        self._refuse(caller, answer)
        reservation.headers = limit_headers(
            caller, [int(number) for number in answer[1:5]]
        )
        return reservation

    async def release(self, reservation: Reservation, price: int) -> None:
        """Give back what was held, after the usage has been committed."""
        if not reservation.is_in_redis:
            self.fallback.release(reservation, price)
            return
        try:
            await self.redis.run(
                RELEASE,
                keys_of(reservation),
                reservation.request_id,
                price,
                f"k:{reservation.key_id}",
            )
        except (RedisDown, hiredis.ReplyError):
            # The lease ends by itself, and the sweeper finds the usage recorded.
            return

    async def _ask(
        self,
        caller: Caller,
        reservation: Reservation,
        tokens: int,
        record: dict[str, object],
    ) -> list[bytes | int]:
        features = caller.features
        limit = -1 if caller.monthly_limit_nano is None else caller.monthly_limit_nano
        answer: list[bytes | int] = await self.redis.run(
            ADMIT,
            keys_of(reservation),
            reservation.request_id,
            reservation.hold,
            tokens,
            features.requests_per_minute,
            features.tokens_per_minute,
            features.concurrent_requests,
            -1 if features.overage else features.monthly_allowance_nano,
            LEASE_SECONDS,
            f"k:{caller.key_id}",
            limit,
            orjson.dumps({**record, "month": reservation.month}),
        )
        return answer

    async def _load(self, caller: Caller, reservation: Reservation) -> None:
        spent, by_key = await in_thread(
            load_spent, caller.organisation_id, caller.key_id
        )
        await self.redis.run(
            LOAD, keys_of(reservation)[:1], spent, f"k:{caller.key_id}", by_key
        )

    def _refuse(self, caller: Caller, answer: list[bytes | int]) -> None:
        verdict = answer[0]
        if verdict == b"ok":
            return
        features = caller.features
        if verdict == b"quota":
            raise errors.quota_exhausted(billing_url(caller))
        limits = {
            b"requests": features.requests_per_minute,
            b"tokens": features.tokens_per_minute,
            b"concurrency": features.concurrent_requests,
        }
        if isinstance(verdict, bytes) and verdict in limits:
            raise errors.rate_limited(
                verdict.decode(), int(answer[1]) / 1_000_000, limits[verdict]
            )
        raise errors.limiter_unavailable()


class FallbackLimits:
    """Limits from this process's memory, while Redis is away."""

    def __init__(self) -> None:
        self.buckets: dict[tuple[int, str], float] = {}
        self.running: dict[int, int] = {}
        self.held: dict[int, int] = {}
        self.spent: dict[int, tuple[float, int]] = {}

    async def admit(
        self, caller: Caller, reservation: Reservation, tokens: int
    ) -> Reservation:
        """Admit within a share of the limits. Raises ``GatewayError``."""
        features = caller.features
        organisation = caller.organisation_id
        limit = max(1, int(features.concurrent_requests * FALLBACK_SHARE))
        if self.running.get(organisation, 0) >= limit:
            raise errors.rate_limited("concurrency", 1, limit)
        for what, amount, per_minute in (
            ("requests", 1, features.requests_per_minute),
            ("tokens", tokens, features.tokens_per_minute),
        ):
            self._take(
                organisation, what, amount, max(1, int(per_minute * FALLBACK_SHARE))
            )
        if reservation.hold and not features.overage:
            spent = await self._spent(caller)
            held = self.held.get(organisation, 0)
            if spent + held + reservation.hold > features.monthly_allowance_nano:
                raise errors.quota_exhausted(billing_url(caller))
        self.running[organisation] = self.running.get(organisation, 0) + 1
        self.held[organisation] = self.held.get(organisation, 0) + reservation.hold
        reservation.is_in_redis = False
        return reservation

    def release(self, reservation: Reservation, price: int) -> None:
        organisation = reservation.organisation_id
        self.running[organisation] = max(0, self.running.get(organisation, 0) - 1)
        self.held[organisation] = max(
            0, self.held.get(organisation, 0) - reservation.hold
        )
        read_at, spent = self.spent.get(organisation, (0.0, 0))
        self.spent[organisation] = (read_at, spent + price)

    def _take(self, organisation: int, what: str, amount: int, limit: int) -> None:
        now = time.monotonic()
        free_at = max(self.buckets.get((organisation, what), now), now)
        after = free_at + min(amount, limit) * 60 / limit
        if after - now > 60:
            raise errors.rate_limited(what, after - now - 60, limit)
        self.buckets[organisation, what] = after

    async def _spent(self, caller: Caller) -> int:
        read_at, spent = self.spent.get(caller.organisation_id, (0.0, 0))
        if time.monotonic() - read_at > FALLBACK_SPENT_SECONDS:
            spent, _ = await in_thread(
                load_spent, caller.organisation_id, caller.key_id
            )
            self.spent[caller.organisation_id] = (time.monotonic(), spent)
        return spent


def keys_of(reservation: Reservation) -> list[str]:
    """Return the Redis keys of a request, in the scripts' order."""
    organisation = f"gw:{{{reservation.organisation_id}}}"
    return [
        prefixed(f"{organisation}:money:{reservation.month}"),
        prefixed(f"{organisation}:leases"),
        prefixed(f"{organisation}:requests"),
        prefixed(f"{organisation}:tokens"),
        prefixed("gw:reservations"),
        prefixed(f"gw:request:{reservation.request_id}"),
    ]


def limit_headers(caller: Caller, numbers: list[int]) -> dict[str, str]:
    """Return the headers that say how much of each limit is left."""
    remaining_requests, reset_requests, remaining_tokens, reset_tokens = numbers
    features = caller.features
    return {
        "x-ratelimit-limit-requests": str(features.requests_per_minute),
        "x-ratelimit-limit-tokens": str(features.tokens_per_minute),
        "x-ratelimit-remaining-requests": str(remaining_requests),
        "x-ratelimit-remaining-tokens": str(remaining_tokens),
        "x-ratelimit-reset-requests": duration(reset_requests),
        "x-ratelimit-reset-tokens": duration(reset_tokens),
    }


def duration(microseconds: int) -> str:
    """Write a wait as ``12ms``, ``3.5s`` or ``1m0s``."""
    if microseconds < 1_000_000:
        return f"{microseconds // 1000}ms"
    minutes, seconds = divmod(microseconds / 1_000_000, 60)
    return f"{int(minutes)}m{int(seconds)}s" if minutes else f"{seconds:.3g}s"


def billing_url(caller: Caller) -> str:
    from django.conf import settings

    return f"{settings.SITE_URL}/console/{caller.organisation_slug}/billing/"
