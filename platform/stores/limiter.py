"""One rate limiter for pages, API and fragments: GCRA in a single Lua script."""

import logging
import math
import threading
import time
from dataclasses import dataclass

from redis.exceptions import RedisError

from core.errors import RateLimited
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)

# Redis' own clock decides, so processes with different clocks agree.
# The key holds the theoretical arrival time in microseconds.
_SCRIPT = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local cost = tonumber(ARGV[3])
local tat = tonumber(redis.call('GET', KEYS[1]) or now)
if tat < now then tat = now end
local next_tat = tat + interval * cost
local wait = next_tat - now - interval * burst
if wait > 0 then return {wait, tat - now} end
local rest = math.ceil((next_tat - now) / 1000)
redis.call('SET', KEYS[1], string.format('%.0f', next_tat), 'PX', rest)
return {0, next_tat - now}
"""


# What guards counted in this process while Redis was away, oldest first. So many
# names are a few megabytes; beyond them the oldest are forgotten.
_MOST_NAMES = 20_000
_arrivals: dict[str, int] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit; ``reset`` is in whole seconds until all of it is."""

    limit: int
    period: int
    remaining: int
    reset: int


def check(
    scope: str,
    key: object,
    *,
    limit: int,
    period: float,
    cost: int = 1,
    fail_closed: bool = False,
    is_guard: bool = False,
) -> Allowance:
    """Count ``cost`` actions of ``key`` against ``limit`` per ``period`` seconds.

    Returns what is left. Raises ``RateLimited`` with the exact wait. Without Redis the
    action is let through, unless ``fail_closed``; what ``is_guard`` is then counted by
    each process for itself, so that guessing passwords never becomes free.
    """
    interval = int(period * 1_000_000 / limit)
    try:
        wait, used = client().eval(
            _SCRIPT, 1, prefixed(f"limit:{scope}:{key}"), interval, limit, cost
        )
    except RedisError as error:
        logger.warning(
            "limiter.unavailable", extra={"scope": scope, "error": str(error)}
        )
        if fail_closed:
            raise RateLimited(period / limit) from error
        if not is_guard:
            return Allowance(limit, int(period), limit - cost, math.ceil(period))
        wait, used = _count_here(f"{scope}:{key}", interval, limit, cost)
    allowance = Allowance(
        limit=limit,
        period=int(period),
        remaining=max(0, limit - math.ceil(int(used) / interval)),
        reset=math.ceil(int(used) / 1_000_000),
    )
    if int(wait) > 0:
        raise RateLimited(int(wait) / 1_000_000, allowance)
    return allowance


def forget(scope: str, key: object) -> None:
    """Give ``key`` the whole of a limit back."""
    with _lock:
        _arrivals.pop(f"{scope}:{key}", None)
    try:
        client().delete(prefixed(f"limit:{scope}:{key}"))
    except RedisError as error:
        logger.warning(
            "limiter.unavailable", extra={"scope": scope, "error": str(error)}
        )


def _count_here(name: str, interval: int, burst: int, cost: int) -> tuple[int, int]:
    """Do in this process what the script does in Redis; times in microseconds."""
    now = time.monotonic_ns() // 1000
    with _lock:
        arrival = max(_arrivals.pop(name, now), now)
        next_arrival = arrival + interval * cost
        wait = next_arrival - now - interval * burst
        _arrivals[name] = arrival if wait > 0 else next_arrival
        while len(_arrivals) > _MOST_NAMES:
            _arrivals.pop(next(iter(_arrivals)))
    return (wait, arrival - now) if wait > 0 else (0, next_arrival - now)
