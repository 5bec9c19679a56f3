"""One rate limiter for pages, API and fragments: GCRA in Redis."""

import logging
import math
from dataclasses import dataclass

from redis.exceptions import RedisError

from core.errors import RateLimited
from stores.gcra import GCRA, LocalArrivals
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)

# Cost and burst in units of the interval between two actions.
SCRIPT = (
    GCRA
    + """
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local before, after, wait = arrive(KEYS[1], interval * cost, interval * burst)
if wait > 0 then return {wait, before - now} end
let_in(KEYS[1], after)
return {0, after - now}
"""
)

# What guards counted in this process while Redis was away: so many names are a few
# megabytes.
_arrivals = LocalArrivals(most_names=20_000)


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
            SCRIPT, 1, prefixed(f"limit:{scope}:{key}"), interval, limit, cost
        )
    except RedisError as error:
        logger.warning(
            "limiter.unavailable", extra={"scope": scope, "error": str(error)}
        )
        if fail_closed:
            raise RateLimited(period / limit) from error
        if not is_guard:
            return Allowance(limit, int(period), limit - cost, math.ceil(period))
        wait, used = _arrivals.arrive(
            f"{scope}:{key}", increment=interval * cost, window=interval * limit
        )
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
    _arrivals.forget(f"{scope}:{key}")
    try:
        client().delete(prefixed(f"limit:{scope}:{key}"))
    except RedisError as error:
        logger.warning(
            "limiter.unavailable", extra={"scope": scope, "error": str(error)}
        )
