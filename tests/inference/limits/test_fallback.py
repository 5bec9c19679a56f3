"""Limits from memory: a share of each, of the key as of the plan."""

import asyncio
from contextlib import suppress

import pytest

from entitlements.features import Features
from inference.directory.callers import Caller, KeyRules
from inference.limits.fallback import FallbackLimits
from inference.protocol.errors import APIError
from tests.inference.gateway.exchanges import caller

PLAN = Features(
    requests_per_minute=600, tokens_per_minute=600_000, concurrent_requests=100
)


def admitted(limits: FallbackLimits, who: Caller, *, times: int) -> int:
    """Return how many of so many calls that cost nothing are let in."""

    async def run() -> int:
        count = 0
        for _ in range(times):
            with suppress(APIError):
                await limits.admit(who, hold_nano=0, month="202605", tokens=10)
                count += 1
        return count

    return asyncio.run(run())


def test_a_key_that_may_run_eight_at_once_runs_two() -> None:
    who = caller(PLAN, rules=KeyRules(concurrent_requests=8))

    assert admitted(FallbackLimits(), who, times=5) == 2


def test_what_ends_lets_the_next_one_in() -> None:
    limits = FallbackLimits()
    who = caller(PLAN, rules=KeyRules(concurrent_requests=4))
    assert admitted(limits, who, times=3) == 1

    limits.release(who, hold_nano=0, price_nano=0)

    assert admitted(limits, who, times=3) == 1


def test_a_key_of_twelve_a_minute_gets_three() -> None:
    who = caller(PLAN, rules=KeyRules(requests_per_minute=12))

    assert admitted(FallbackLimits(), who, times=9) == 3


def test_two_keys_share_the_limit_of_their_plan() -> None:
    limits = FallbackLimits()
    plan = Features(
        requests_per_minute=600, tokens_per_minute=600_000, concurrent_requests=8
    )

    assert admitted(limits, caller(plan), times=1) == 1
    assert admitted(limits, caller(plan, key_id=99), times=3) == 1


def test_a_refusal_says_whose_limit_it_is() -> None:
    limits = FallbackLimits()
    who = caller(PLAN, rules=KeyRules(concurrent_requests=1))
    assert admitted(limits, who, times=1) == 1

    with pytest.raises(APIError, match="the limit of this API key"):
        asyncio.run(limits.admit(who, hold_nano=0, month="202605", tokens=10))
