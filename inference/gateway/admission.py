"""May this request run now? One round trip decides and reserves its price.

A reservation lives in the same Redis hash as what the organisation has spent, so
that both are lost together or not at all: a wiped Redis is loaded from
PostgreSQL again and forgets no quota. Without Redis a share of the limits is
given from this process's memory, and PostgreSQL's own sum guards the money.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache

import hiredis
import orjson
from django.conf import settings
from django.db import Error as DatabaseError

from core.errors import Unavailable
from inference.directory.directory import (
    Caller,
    Directory,
    in_thread,
    load_spent,
)
from inference.gateway.eligibility import (
    bounds_of,
    check_call,
    find_model,
    fitting_bounds,
    stand_ins,
)
from inference.gateway.exchange import Exchange
from inference.protocol import errors
from inference.usage import quota
from stores.gcra import GCRA, LocalArrivals
from stores.lean_redis import LeanRedis, RedisDown, Script
from stores.redis import prefixed

# Fifteen heartbeats: a process that is only slow keeps its places.
LEASE_SECONDS = 30
MINUTE = 60_000_000  # in the limiter's microseconds
# Without Redis each process gives this share of a limit: others may run too.
FALLBACK_SHARE = 0.25
FALLBACK_SPENT_SECONDS = 2.0
# So many calls may wait for the database before new ones are refused.
MAX_UNCOMMITTED = 20_000

# Keys: money, leases, requests, tokens, reservations, record.
# Every check comes before the first write: a refusal leaves nothing behind.
ADMIT = Script(
    GCRA
    + """
local request, hold, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local rpm, tpm, concurrent = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local allowance, lease = tonumber(ARGV[7]), tonumber(ARGV[8])
local key_field, key_limit = ARGV[9], tonumber(ARGV[10])

local money = redis.call('HMGET', KEYS[1], 'spent', 'held', key_field, 'h' .. key_field)
if not money[1] or (key_limit >= 0 and not money[3]) then return {'miss'} end

local minute = 60000000
local r_step = math.floor(minute / rpm)
local r_before, r_after, r_wait = arrive(KEYS[3], r_step, minute)
local t_step = minute / tpm
-- More than a minute's tokens at once run alone, on a full bucket.
local t_cost = math.floor(math.min(want, tpm) * t_step)
local t_before, t_after, t_wait = arrive(KEYS[4], t_cost, minute)

local function answer(verdict, wait, r_at, t_at)
  return {verdict, wait,
          math.max(0, math.floor((minute - (r_at - now)) / r_step)), r_at - now,
          math.max(0, math.floor((minute - (t_at - now)) / t_step)), t_at - now}
end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= concurrent then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  -- When one ends is not known; a lease that nobody renews ends by then.
  return answer('concurrency', math.min(1000000, tonumber(first[2]) - now), r_before, t_before)
end
if r_wait > 0 then return answer('requests', r_wait, r_before, t_before) end
if t_wait > 0 then return answer('tokens', t_wait, r_before, t_before) end

local spent, held = tonumber(money[1]), tonumber(money[2] or 0)
if hold > 0 and spent + held + hold > allowance then
  return answer('quota', 0, r_before, t_before)
end
if hold > 0 and key_limit >= 0
    and tonumber(money[3]) + tonumber(money[4] or 0) + hold > key_limit then
  return answer('quota', 0, r_before, t_before)
end

let_in(KEYS[3], r_after)
let_in(KEYS[4], t_after)
redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease * 1000000), request)
redis.call('EXPIRE', KEYS[2], 3600)
redis.call('HSET', KEYS[1], 'r:' .. request, hold)
redis.call('HINCRBY', KEYS[1], 'held', hold)
redis.call('HINCRBY', KEYS[1], 'h' .. key_field, hold)
redis.call('ZADD', KEYS[5], string.format('%.0f', now / 1000000), request)
redis.call('SET', KEYS[6], ARGV[11], 'EX', 86400)
return answer('ok', 0, r_after, t_after)
"""
)

# Gives back what was held. Who comes second finds no reservation, changes nothing.
RELEASE = Script("""
local request, price, key_field = ARGV[1], tonumber(ARGV[2]), ARGV[3]
redis.call('ZREM', KEYS[2], request)
redis.call('ZREM', KEYS[5], request)
redis.call('DEL', KEYS[6])
local hold = redis.call('HGET', KEYS[1], 'r:' .. request)
if not hold then
  -- Redis forgot the reservation: have what was spent read from PostgreSQL again,
  -- and once more when nothing runs, for what is being committed meanwhile.
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[1], 'doubt', 1)
    redis.call('HDEL', KEYS[1], 'spent', key_field)
  end
  return 0
end
redis.call('HDEL', KEYS[1], 'r:' .. request)
redis.call('HINCRBY', KEYS[1], 'h' .. key_field, -tonumber(hold))
local held = redis.call('HINCRBY', KEYS[1], 'held', -tonumber(hold))
if held <= 0 and redis.call('HDEL', KEYS[1], 'doubt') == 1 then
  redis.call('DEL', KEYS[1])
  return 1
end
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

# What was spent without Redis is in PostgreSQL only.
DOUBT = Script(quota.DOUBT)

LOAD = Script("""
redis.call('HSETNX', KEYS[1], 'spent', ARGV[1])
redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], 3456000)
return 1
""")


class Admission:
    """Admits requests, and takes back what they held."""

    def __init__(self, redis: LeanRedis, directory: Directory) -> None:
        self.redis = redis
        self.directory = directory
        self.fallback = FallbackLimits()
        # Settled requests whose usage is not committed yet.
        self.uncommitted: deque[Exchange] = deque()
        # Organisations that used something while Redis was away.
        self.doubted: set[int] = set()

    async def admit(self, exchange: Exchange) -> None:
        """Received → admitted. Raises ``APIError``, and ``Unavailable``."""
        started = time.perf_counter()
        caller, call = exchange.caller, exchange.call
        model = await find_model(self.directory, caller, call.model)
        check_call(call, model)
        runner = model
        if model.fallbacks:
            offered = await self.directory.offered()
            others = stand_ins(call, model, caller, offered)
            runner, others, fitting = fitting_bounds(call, model, others)
            bounds, most_out, expected_out = fitting
            exchange.let_stand_in(others)
        else:
            bounds, most_out, expected_out = bounds_of(call, model)
        if len(self.uncommitted) > MAX_UNCOMMITTED:
            # What was used could be lost: better no answer than one nobody counted.
            raise errors.limiter_unavailable()
        exchange.estimate(
            model, bounds, most_out=most_out, started=started, runner=runner
        )
        await self._reserve(exchange, bounds.estimated_in + expected_out)

    async def release(self, exchange: Exchange) -> None:
        """Give back what was held, after the usage has been committed."""
        if not exchange.is_held_in_redis:
            self.fallback.release(exchange)
            if exchange.usage.price_nano:
                self.doubted.add(exchange.caller.organisation_id)
            if not exchange.is_noted:
                return
        try:
            await self.redis.run(RELEASE, *_release(exchange))
        except (RedisDown, hiredis.ReplyError):
            # The lease ends by itself, and the sweeper finds the usage recorded.
            return

    async def release_all(self, exchanges: Sequence[Exchange]) -> None:
        """Give back what many requests held, in one round trip."""
        in_redis = [each for each in exchanges if each.is_held_in_redis]
        answers = [self.redis.send(RELEASE, *_release(each)) for each in in_redis]
        for exchange in exchanges:
            if not exchange.is_held_in_redis:
                await self.release(exchange)
        if not answers:
            return
        results = await asyncio.gather(*answers, return_exceptions=True)
        for exchange, result in zip(in_redis, results, strict=True):
            if isinstance(result, hiredis.ReplyError):
                # Redis started anew and does not know the script yet.
                await self.release(exchange)

    async def _reserve(self, exchange: Exchange, tokens: int) -> None:
        """Hold the worst price and ``tokens``. Raises ``APIError``."""
        caller = exchange.caller
        try:
            if caller.organisation_id in self.doubted:
                field = quota.spent_field(caller.key_id)
                await self.redis.run(DOUBT, keys_of(exchange)[:1], field)
                self.doubted.discard(caller.organisation_id)
            answer = await self._ask(exchange, tokens)
            if answer[0] == b"miss":
                await self._load(exchange)
                answer = await self._ask(exchange, tokens)
        except (RedisDown, hiredis.ReplyError):
            await self.fallback.admit(exchange, tokens)
            return
        headers = limit_headers(caller, [int(number) for number in answer[2:]])
        self._refuse(caller, answer, headers)
        exchange.admit(headers, is_held_in_redis=True)

    async def _ask(self, exchange: Exchange, tokens: int) -> list[bytes | int]:
        caller = exchange.caller
        features = caller.features
        limit = -1 if caller.monthly_limit_nano is None else caller.monthly_limit_nano
        answer: list[bytes | int] = await self.redis.run(
            ADMIT,
            keys_of(exchange),
            exchange.request_id,
            exchange.hold_nano,
            tokens,
            features.requests_per_minute,
            features.tokens_per_minute,
            features.concurrent_requests,
            features.monthly_allowance_nano,
            LEASE_SECONDS,
            quota.spent_field(caller.key_id),
            limit,
            orjson.dumps(record_of(exchange)),
        )
        return answer

    async def _load(self, exchange: Exchange) -> None:
        spent, by_key = await _load_spent(exchange.caller)
        key_field = quota.spent_field(exchange.caller.key_id)
        await self.redis.run(LOAD, keys_of(exchange)[:1], spent, key_field, by_key)

    def _refuse(
        self, caller: Caller, answer: list[bytes | int], headers: dict[str, str]
    ) -> None:
        verdict = answer[0]
        if verdict == b"ok":
            return
        features = caller.features
        if verdict == b"quota":
            raise errors.quota_exhausted(billing_url(caller), headers)
        limits = {
            b"requests": features.requests_per_minute,
            b"tokens": features.tokens_per_minute,
            b"concurrency": features.concurrent_requests,
        }
        if isinstance(verdict, bytes) and verdict in limits:
            raise errors.rate_limited(
                verdict.decode(),
                int(answer[1]) / 1_000_000,
                limits[verdict],
                headers,
            )
        raise errors.limiter_unavailable()


class FallbackLimits:
    """Limits from this process's memory, while Redis is away."""

    def __init__(self) -> None:
        self.arrivals = LocalArrivals(most_names=20_000)
        self.running: dict[int, int] = {}
        self.held: dict[int, int] = {}
        self.spent: dict[int, tuple[float, int]] = {}

    async def admit(self, exchange: Exchange, tokens: int) -> None:
        """Admit within a share of the limits. Raises ``APIError``."""
        caller = exchange.caller
        features = caller.features
        organisation = caller.organisation_id
        self._check_running(caller)
        for what, amount, per_minute in (
            ("requests", 1, features.requests_per_minute),
            ("tokens", tokens, features.tokens_per_minute),
        ):
            self._take(
                organisation, what, amount, max(1, int(per_minute * FALLBACK_SHARE))
            )
        if exchange.hold_nano:
            spent = await self._spent(caller)
            # Others may have come in meanwhile; from here on nobody does.
            self._check_running(caller)
            held = self.held.get(organisation, 0)
            if spent + held + exchange.hold_nano > features.monthly_allowance_nano:
                raise errors.quota_exhausted(billing_url(caller))
        self.running[organisation] = self.running.get(organisation, 0) + 1
        self.held[organisation] = self.held.get(organisation, 0) + exchange.hold_nano
        exchange.admit({}, is_held_in_redis=False)

    def release(self, exchange: Exchange) -> None:
        organisation = exchange.caller.organisation_id
        self.running[organisation] = max(0, self.running.get(organisation, 0) - 1)
        self.held[organisation] = max(
            0, self.held.get(organisation, 0) - exchange.hold_nano
        )
        read_at, spent = self.spent.get(organisation, (0.0, 0))
        self.spent[organisation] = (read_at, spent + exchange.usage.price_nano)

    def _check_running(self, caller: Caller) -> None:
        limit = max(1, int(caller.features.concurrent_requests * FALLBACK_SHARE))
        if self.running.get(caller.organisation_id, 0) >= limit:
            raise errors.rate_limited("concurrency", 1, limit)

    def _take(self, organisation: int, what: str, amount: int, limit: int) -> None:
        wait, _ahead = self.arrivals.arrive(
            (organisation, what),
            increment=min(amount, limit) * MINUTE // limit,
            window=MINUTE,
        )
        if wait:
            raise errors.rate_limited(what, wait / 1_000_000, limit)

    async def _spent(self, caller: Caller) -> int:
        read_at, spent = self.spent.get(caller.organisation_id, (0.0, 0))
        if time.monotonic() - read_at > FALLBACK_SPENT_SECONDS:
            spent, _ = await _load_spent(caller)
            self.spent[caller.organisation_id] = (time.monotonic(), spent)
        return spent


async def _load_spent(caller: Caller) -> tuple[int, int]:
    try:
        spent: tuple[int, int] = await in_thread(
            load_spent, caller.organisation_id, caller.key_id
        )
    except DatabaseError as error:
        # Without knowing what was spent nothing more may be.
        raise Unavailable from error
    return spent


def record_of(exchange: Exchange) -> dict[str, object]:
    """Return what the sweeper needs where this process is killed."""
    model, bounds = exchange.model, exchange.bounds
    return {
        "organisation_id": exchange.caller.organisation_id,
        "key_id": exchange.caller.key_id,
        "model": model.slug,
        "edition": model.edition,
        "price_version_id": model.price_version_id,
        "price": model.price,
        "cost": model.cost,
        "held_nano": exchange.hold_nano,
        "client_request_id": exchange.client_request_id,
        "tokens_in": bounds.estimated_in,
        "tokens_out": 0,
        "is_stream": exchange.call.is_stream,
        "occurred_at": exchange.occurred_at,
        "month": exchange.month,
    }


def _release(exchange: Exchange) -> tuple[list[str], str, int, str]:
    key_field = quota.spent_field(exchange.caller.key_id)
    price = exchange.usage.price_nano
    return keys_of(exchange), exchange.request_id, price, key_field


def keys_of(exchange: Exchange) -> list[str]:
    """Return the Redis keys of a request, in the scripts' order."""
    organisation_id = exchange.caller.organisation_id
    return reservation_keys(organisation_id, exchange.month, exchange.request_id)


def reservation_keys(organisation_id: int, month: str, request_id: str) -> list[str]:
    """Return the same for a request that is known by these only."""
    return [*_shared_keys(organisation_id, month), request_key(request_id)]


def request_key(request_id: str) -> str:
    return f"{_request_prefix()}{request_id}"


@lru_cache(maxsize=10_000)  # organisations that call in a month, about 5 MB
def _shared_keys(organisation_id: int, month: str) -> tuple[str, ...]:
    organisation = f"gw:{{{organisation_id}}}"
    return (
        quota.money_key(organisation_id, month),
        prefixed(f"{organisation}:leases"),
        prefixed(f"{organisation}:requests"),
        prefixed(f"{organisation}:tokens"),
        prefixed("gw:reservations"),
    )


@lru_cache(maxsize=1)
def _request_prefix() -> str:
    return prefixed("gw:request:")


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
    return f"{settings.SITE_URL}/console/{caller.organisation_slug}/billing/"
