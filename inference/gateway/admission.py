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

from inference.directory.callers import Caller
from inference.directory.directory import Directory
from inference.directory.spent import read_spent
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
OF_THE_KEY = "the limit of this API key"

# Keys: money, leases, requests, tokens, reservations, record; of the key itself:
# requests, tokens, running. Where it has no limit of its own, nothing is asked of them.
# Every check comes before the first write: a refusal leaves nothing behind.
ADMIT = Script(
    GCRA
    + """
local request, hold, want = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local rpm, tpm, concurrent = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local allowance, lease = tonumber(ARGV[7]), tonumber(ARGV[8])
local key_field, key_limit = ARGV[9], tonumber(ARGV[10])
local own_rpm, own_tpm, own_concurrent = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14])
local project_field, project_limit = ARGV[15], tonumber(ARGV[16])
local member_field, member_limit = ARGV[17], tonumber(ARGV[18])
local budget = tonumber(ARGV[19])

local money = redis.call('HMGET', KEYS[1], 'spent', 'held', key_field, 'h' .. key_field,
                         project_field, 'h' .. project_field,
                         member_field, 'h' .. member_field)
if not money[1] or (key_limit >= 0 and not money[3])
    or (project_limit >= 0 and not money[5])
    or (member_limit >= 0 and not money[7]) then return {'miss'} end

local minute = 60000000
local r_step = math.floor(minute / rpm)
local r_before, r_after, r_wait = arrive(KEYS[3], r_step, minute)
local t_step = minute / tpm
-- More than a minute's tokens at once run alone, on a full bucket.
local t_cost = math.floor(math.min(want, tpm) * t_step)
local t_before, t_after, t_wait = arrive(KEYS[4], t_cost, minute)
local own_r, own_t

local function left(at, step) return math.max(0, math.floor((minute - (at - now)) / step)) end

-- How much is left is told of the narrower limit.
local function answer(verdict, wait, r_at, t_at, own_r_at, own_t_at)
  local told = {verdict, wait, left(r_at, r_step), r_at - now, left(t_at, t_step), t_at - now}
  if own_r_at and left(own_r_at, own_r.step) < told[3] then
    told[3], told[4] = left(own_r_at, own_r.step), own_r_at - now
  end
  if own_t_at and left(own_t_at, own_t.step) < told[5] then
    told[5], told[6] = left(own_t_at, own_t.step), own_t_at - now
  end
  return told
end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= concurrent then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  -- When one ends is not known; a lease that nobody renews ends by then.
  return answer('concurrency', math.min(1000000, tonumber(first[2]) - now), r_before, t_before)
end
if r_wait > 0 then return answer('requests', r_wait, r_before, t_before) end
if t_wait > 0 then return answer('tokens', t_wait, r_before, t_before) end

if own_rpm > 0 then
  own_r = {step = math.floor(minute / own_rpm)}
  own_r.before, own_r.after, own_r.wait = arrive(KEYS[7], own_r.step, minute)
  if own_r.wait > 0 then
    return answer('key_requests', own_r.wait, r_before, t_before, own_r.before)
  end
end
if own_tpm > 0 then
  own_t = {step = minute / own_tpm}
  local cost = math.floor(math.min(want, own_tpm) * own_t.step)
  own_t.before, own_t.after, own_t.wait = arrive(KEYS[8], cost, minute)
  if own_t.wait > 0 then
    return answer('key_tokens', own_t.wait, r_before, t_before, nil, own_t.before)
  end
end
if own_concurrent > 0 and redis.call('SCARD', KEYS[9]) >= own_concurrent then
  -- Nobody takes a name out of this set: what holds no lease any more has ended.
  for _, name in ipairs(redis.call('SMEMBERS', KEYS[9])) do
    if not redis.call('ZSCORE', KEYS[2], name) then redis.call('SREM', KEYS[9], name) end
  end
  if redis.call('SCARD', KEYS[9]) >= own_concurrent then
    return answer('key_concurrency', 1000000, r_before, t_before)
  end
end

local spent, held = tonumber(money[1]), tonumber(money[2] or 0)
if hold > 0 and spent + held + hold > allowance then
  return answer('quota', 0, r_before, t_before)
end
if hold > 0 and key_limit >= 0
    and tonumber(money[3]) + tonumber(money[4] or 0) + hold > key_limit then
  return answer('key_quota', 0, r_before, t_before)
end
if hold > 0 and project_limit >= 0
    and tonumber(money[5]) + tonumber(money[6] or 0) + hold > project_limit then
  return answer('project_quota', 0, r_before, t_before)
end
if hold > 0 and member_limit >= 0
    and tonumber(money[7]) + tonumber(money[8] or 0) + hold > member_limit then
  return answer('member_quota', 0, r_before, t_before)
end
if hold > 0 and budget >= 0 and spent + held + hold > budget then
  return answer('organisation_quota', 0, r_before, t_before)
end

let_in(KEYS[3], r_after)
let_in(KEYS[4], t_after)
if own_r then let_in(KEYS[7], own_r.after) end
if own_t then let_in(KEYS[8], own_t.after) end
if own_concurrent > 0 then
  redis.call('SADD', KEYS[9], request)
  redis.call('EXPIRE', KEYS[9], 3600)
end
redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease * 1000000), request)
redis.call('EXPIRE', KEYS[2], 3600)
redis.call('HSET', KEYS[1], 'r:' .. request, hold)
redis.call('HINCRBY', KEYS[1], 'held', hold)
redis.call('HINCRBY', KEYS[1], 'h' .. key_field, hold)
if project_field ~= '' then redis.call('HINCRBY', KEYS[1], 'h' .. project_field, hold) end
if member_field ~= '' then redis.call('HINCRBY', KEYS[1], 'h' .. member_field, hold) end
redis.call('ZADD', KEYS[5], string.format('%.0f', now / 1000000), request)
redis.call('SET', KEYS[6], ARGV[11], 'EX', 86400)
return answer('ok', 0, r_after, t_after, own_r and own_r.after, own_t and own_t.after)
"""
)

# Gives back what was held. Who comes second finds no reservation, changes nothing.
RELEASE = Script("""
local request, price, key_field, project_field = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local member_field = ARGV[5]
redis.call('ZREM', KEYS[2], request)
redis.call('ZREM', KEYS[5], request)
redis.call('DEL', KEYS[6])
local hold = redis.call('HGET', KEYS[1], 'r:' .. request)
if not hold then
  -- Redis forgot the reservation: have what was spent read from PostgreSQL again,
  -- and once more when nothing runs, for what is being committed meanwhile.
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[1], 'doubt', 1)
    redis.call('HDEL', KEYS[1], 'spent', key_field, project_field, member_field)
  end
  return 0
end
redis.call('HDEL', KEYS[1], 'r:' .. request)
redis.call('HINCRBY', KEYS[1], 'h' .. key_field, -tonumber(hold))
if project_field ~= '' then
  redis.call('HINCRBY', KEYS[1], 'h' .. project_field, -tonumber(hold))
end
if member_field ~= '' then
  redis.call('HINCRBY', KEYS[1], 'h' .. member_field, -tonumber(hold))
end
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
  if project_field ~= '' and redis.call('HEXISTS', KEYS[1], project_field) == 1 then
    redis.call('HINCRBY', KEYS[1], project_field, price)
  end
  if member_field ~= '' and redis.call('HEXISTS', KEYS[1], member_field) == 1 then
    redis.call('HINCRBY', KEYS[1], member_field, price)
  end
end
return 1
""")

# What was spent without Redis is in PostgreSQL only.
DOUBT = Script(quota.DOUBT)

LOAD = Script("""
redis.call('HSETNX', KEYS[1], 'spent', ARGV[1])
redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
if ARGV[4] ~= '' then redis.call('HSETNX', KEYS[1], ARGV[4], ARGV[5]) end
if ARGV[6] ~= '' then redis.call('HSETNX', KEYS[1], ARGV[6], ARGV[7]) end
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
                fields = _fields_of(caller)
                await self.redis.run(DOUBT, keys_of(exchange)[:1], *fields)
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
        features, rules = caller.features, caller.rules
        key_field, project_field, member_field = _fields_of(caller)
        answer: list[bytes | int] = await self.redis.run(
            ADMIT,
            [*keys_of(exchange), *_own_keys(caller.organisation_id, caller.key_id)],
            exchange.request_id,
            exchange.hold_nano,
            tokens,
            features.requests_per_minute,
            features.tokens_per_minute,
            features.concurrent_requests,
            caller.most_of(exchange.month),
            LEASE_SECONDS,
            key_field,
            _or_none(caller.monthly_limit_nano),
            orjson.dumps(record_of(exchange)),
            _or_none(rules.requests_per_minute),
            _or_none(rules.tokens_per_minute),
            _or_none(rules.concurrent_requests),
            project_field,
            _or_none(rules.project_limit_nano),
            member_field,
            _or_none(rules.member_limit_nano),
            _or_none(rules.organisation_limit_nano),
        )
        return answer

    async def _load(self, exchange: Exchange) -> None:
        caller = exchange.caller
        spent, by_key, by_project, by_member = await read_spent(caller)
        key_field, project_field, member_field = _fields_of(caller)
        await self.redis.run(
            LOAD,
            keys_of(exchange)[:1],
            spent,
            key_field,
            by_key,
            project_field,
            by_project,
            member_field,
            by_member,
        )

    def _refuse(
        self, caller: Caller, answer: list[bytes | int], headers: dict[str, str]
    ) -> None:
        verdict = answer[0]
        if verdict == b"ok":
            return
        features = caller.features
        if verdict == b"quota":
            refusal = errors.quota_exhausted(billing_url(caller), headers)
            raise refusal.hinting(caller.hint, organisation_id=caller.organisation_id)
        if isinstance(verdict, bytes) and verdict.endswith(b"_quota"):
            raise _budget_used_up(caller, verdict.decode(), headers)
        rules = caller.rules
        limits = {
            b"requests": features.requests_per_minute,
            b"tokens": features.tokens_per_minute,
            b"concurrency": features.concurrent_requests,
            b"key_requests": rules.requests_per_minute,
            b"key_tokens": rules.tokens_per_minute,
            b"key_concurrency": rules.concurrent_requests,
        }
        limit = limits.get(verdict) if isinstance(verdict, bytes) else None
        if isinstance(verdict, bytes) and limit is not None:
            raise errors.rate_limited(
                verdict.decode().removeprefix("key_"),
                int(answer[1]) / 1_000_000,
                limit,
                headers,
                of=OF_THE_KEY if verdict.startswith(b"key_") else "your plan",
            )
        raise errors.limiter_unavailable()


class FallbackLimits:
    """Limits from this process's memory, while Redis is away."""

    def __init__(self) -> None:
        self.arrivals = LocalArrivals(most_names=20_000)
        # By organisation, and by ("key", id) and ("project", id).
        self.running: dict[Account, int] = {}
        self.held: dict[Account, int] = {}
        self.spent: dict[Account, tuple[float, int]] = {}

    async def admit(self, exchange: Exchange, tokens: int) -> None:
        """Admit within a share of the limits. Raises ``APIError``."""
        caller = exchange.caller
        features, rules = caller.features, caller.rules
        accounts = _accounts_of(caller)
        organisation, key, *_others = accounts
        self._check_running(caller)
        for account, what, amount, per_minute in (
            (organisation, "requests", 1, features.requests_per_minute),
            (organisation, "tokens", tokens, features.tokens_per_minute),
            (key, "requests", 1, rules.requests_per_minute),
            (key, "tokens", tokens, rules.tokens_per_minute),
        ):
            if per_minute is not None:
                limit = max(1, int(per_minute * FALLBACK_SHARE))
                self._take(account, what, amount, limit)
        if exchange.hold_nano:
            await self._read_spent(caller)
            # Others may have come in meanwhile; from here on nobody does.
            self._check_running(caller)
            self._check_money(caller, exchange.hold_nano, exchange.month)
        for account in accounts:
            self.running[account] = self.running.get(account, 0) + 1
            self.held[account] = self.held.get(account, 0) + exchange.hold_nano
        exchange.admit({}, is_held_in_redis=False)

    def release(self, exchange: Exchange) -> None:
        for account in _accounts_of(exchange.caller):
            self.running[account] = max(0, self.running.get(account, 0) - 1)
            self.held[account] = max(0, self.held.get(account, 0) - exchange.hold_nano)
            read_at, spent = self.spent.get(account, (0.0, 0))
            self.spent[account] = (read_at, spent + exchange.usage.price_nano)

    def _check_running(self, caller: Caller) -> None:
        organisation, key, *_others = _accounts_of(caller)
        limit = max(1, int(caller.features.concurrent_requests * FALLBACK_SHARE))
        if self.running.get(organisation, 0) >= limit:
            raise errors.rate_limited("concurrency", 1, limit)
        own = caller.rules.concurrent_requests
        if own is not None:
            own = max(1, int(own * FALLBACK_SHARE))
            if self.running.get(key, 0) >= own:
                raise errors.rate_limited("concurrency", 1, own, of=OF_THE_KEY)

    def _take(self, account: "Account", what: str, amount: int, limit: int) -> None:
        wait, _ahead = self.arrivals.arrive(
            (account, what),
            increment=min(amount, limit) * MINUTE // limit,
            window=MINUTE,
        )
        if wait:
            of = OF_THE_KEY if account[0] == "key" else "your plan"
            raise errors.rate_limited(what, wait / 1_000_000, limit, of=of)

    def _check_money(self, caller: Caller, hold: int, month: str) -> None:
        organisation, key, project, member = _accounts_of(caller)
        rules = caller.rules
        if self._is_beyond(organisation, hold, caller.most_of(month)):
            refusal = errors.quota_exhausted(billing_url(caller))
            raise refusal.hinting(caller.hint, organisation_id=caller.organisation_id)
        if self._is_beyond(key, hold, caller.monthly_limit_nano):
            raise _budget_used_up(caller, "key_quota")
        if self._is_beyond(project, hold, rules.project_limit_nano):
            raise _budget_used_up(caller, "project_quota")
        if self._is_beyond(member, hold, rules.member_limit_nano):
            raise _budget_used_up(caller, "member_quota")
        if self._is_beyond(organisation, hold, rules.organisation_limit_nano):
            raise _budget_used_up(caller, "organisation_quota")

    def _is_beyond(self, account: "Account", hold: int, limit: int | None) -> bool:
        _read_at, spent = self.spent.get(account, (0.0, 0))
        return limit is not None and spent + self.held.get(account, 0) + hold > limit

    async def _read_spent(self, caller: Caller) -> None:
        """Know what was spent, as of two seconds ago at most."""
        accounts = _accounts_of(caller)
        oldest = min(self.spent.get(each, (0.0, 0))[0] for each in accounts)
        if time.monotonic() - oldest > FALLBACK_SPENT_SECONDS:
            sums = await read_spent(caller)
            read_at = time.monotonic()
            for account, spent in zip(accounts, sums, strict=True):
                self.spent[account] = (read_at, spent)


# Whose limits and money: ("organisation" | "key" | "project" | "member:…", its id).
Account = tuple[str, int]


def _accounts_of(caller: Caller) -> tuple[Account, Account, Account, Account]:
    return (
        ("organisation", caller.organisation_id),
        ("key", caller.key_id),
        # Of those without one there is one more in each organisation.
        ("project", caller.rules.project_id or -caller.organisation_id),
        # A member has a budget of their own in each of their organisations.
        (f"member:{caller.organisation_id}", caller.rules.member_id or 0),
    )


def _budget_used_up(
    caller: Caller, verdict: str, headers: dict[str, str] | None = None
) -> errors.APIError:
    whose, where = {
        "key_quota": ("this API key", "keys"),
        "project_quota": (f"the project “{caller.rules.project_name}”", "projects"),
        "member_quota": ("the member whose key this is", "budgets"),
        "organisation_quota": ("the organisation", "budgets"),
    }[verdict]
    url = f"{settings.SITE_URL}/console/{caller.organisation_slug}/{where}/"
    return errors.budget_exhausted(whose, url, headers)


def record_of(exchange: Exchange) -> dict[str, object]:
    """Return what the sweeper needs where this process is killed."""
    model, bounds = exchange.model, exchange.bounds
    return {
        "organisation_id": exchange.caller.organisation_id,
        "key_id": exchange.caller.key_id,
        "project_id": exchange.caller.rules.project_id,
        "member_id": exchange.caller.rules.member_id,
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


def _release(exchange: Exchange) -> tuple[list[str], str, int, str, str, str]:
    caller, price = exchange.caller, exchange.usage.price_nano
    return keys_of(exchange), exchange.request_id, price, *_fields_of(caller)


def _fields_of(caller: Caller) -> tuple[str, str, str]:
    """Return where a month's money has what a key, its project and its member spent."""
    rules = caller.rules
    return (
        quota.spent_field(caller.key_id),
        quota.project_field(rules.project_id),
        quota.member_field(rules.member_id),
    )


def _or_none(limit: int | None) -> int:
    """Return a limit as the scripts take it: below nought there is none."""
    return -1 if limit is None else limit


@lru_cache(maxsize=10_000)  # keys that call, about 3 MB
def _own_keys(organisation_id: int, key_id: int) -> tuple[str, ...]:
    own = f"gw:{{{organisation_id}}}:key:{key_id}"
    return tuple(
        prefixed(f"{own}:{what}") for what in ("requests", "tokens", "running")
    )


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
    features, rules = caller.features, caller.rules
    requests = _narrower(features.requests_per_minute, rules.requests_per_minute)
    tokens = _narrower(features.tokens_per_minute, rules.tokens_per_minute)
    return {
        "x-ratelimit-limit-requests": str(requests),
        "x-ratelimit-limit-tokens": str(tokens),
        "x-ratelimit-remaining-requests": str(remaining_requests),
        "x-ratelimit-remaining-tokens": str(remaining_tokens),
        "x-ratelimit-reset-requests": duration(reset_requests),
        "x-ratelimit-reset-tokens": duration(reset_tokens),
    }


def _narrower(of_plan: int, of_key: int | None) -> int:
    return of_plan if of_key is None else min(of_plan, of_key)


def duration(microseconds: int) -> str:
    """Write a wait as ``12ms``, ``3.5s`` or ``1m0s``."""
    if microseconds < 1_000_000:
        return f"{microseconds // 1000}ms"
    minutes, seconds = divmod(microseconds / 1_000_000, 60)
    return f"{int(minutes)}m{int(seconds)}s" if minutes else f"{seconds:.3g}s"


def billing_url(caller: Caller) -> str:
    return f"{settings.SITE_URL}/console/{caller.organisation_slug}/billing/"
