"""The scripts that reserve and give back, and what they find where in Redis.

A reservation lives in the same Redis hash as what the organisation has spent, so
that both are lost together or not at all: a wiped Redis is loaded from
PostgreSQL again and forgets no quota.
"""

from functools import lru_cache

from inference.directory.callers import Caller
from inference.usage import quota
from stores.gcra import GCRA
from stores.lean_redis import Script
from stores.redis import prefixed

# Fifteen heartbeats: a process that is only slow keeps its places.
LEASE_SECONDS = 30

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


def fields_of(caller: Caller) -> tuple[str, str, str]:
    """Return where a month's money has what a key, its project and its member spent."""
    rules = caller.rules
    return (
        quota.spent_field(caller.key_id),
        quota.project_field(rules.project_id),
        quota.member_field(rules.member_id),
    )


@lru_cache(maxsize=10_000)  # keys that call, about 3 MB
def own_keys(organisation_id: int, key_id: int) -> tuple[str, ...]:
    own = f"gw:{{{organisation_id}}}:key:{key_id}"
    return tuple(
        prefixed(f"{own}:{what}") for what in ("requests", "tokens", "running")
    )


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
