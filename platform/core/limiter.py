"""One rate limiter for pages, API and fragments: GCRA in a single Lua script."""

import logging
import math
from dataclasses import dataclass

from redis.exceptions import RedisError

from core.errors import RateLimited
from core.redis import client, prefixed

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
redis.call('SET', KEYS[1], string.format('%.0f', next_tat), 'PX', math.ceil((next_tat - now) / 1000))
return {0, next_tat - now}
"""


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
) -> Allowance:
    """Count ``cost`` actions of ``key`` against ``limit`` per ``period`` seconds.

    Returns what is left. Raises ``RateLimited`` with the exact wait. Without Redis the action is let
    through unless ``fail_closed``.
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
        return Allowance(limit, int(period), limit - cost, math.ceil(period))
    allowance = Allowance(
        limit=limit,
        period=int(period),
        remaining=max(0, limit - math.ceil(int(used) / interval)),
        reset=math.ceil(int(used) / 1_000_000),
    )
    if int(wait) > 0:
        raise RateLimited(int(wait) / 1_000_000, allowance)
    return allowance
