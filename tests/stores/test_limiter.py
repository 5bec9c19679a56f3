"""The limiter: exact waits by Redis' own clock, and what happens without it."""

import threading
import time
from typing import Any

import pytest

from core.errors import RateLimited
from stores import limiter
from stores.redis import client, prefixed
from tests.fakes.servers import free_port
from tests.waiting import wait_for


def spend(count: int, key: object = "ada", **limits: Any) -> limiter.Allowance:
    limits = {"limit": 5, "period": 50, **limits}
    for _ in range(count - 1):
        limiter.check("test", key, **limits)
    return limiter.check("test", key, **limits)


def test_a_burst_is_let_through_and_the_next_waits_exactly_one_interval() -> None:
    left = spend(5)

    with pytest.raises(RateLimited) as refusal:
        spend(1)

    assert (left.remaining, left.reset) == (0, 50)
    assert refusal.value.retry_after == 10
    assert refusal.value.allowance.remaining == 0


def test_what_is_left_is_told() -> None:
    assert [spend(1).remaining for _ in range(5)] == [4, 3, 2, 1, 0]


def test_a_refusal_costs_nothing() -> None:
    spend(5)
    for _ in range(10):
        with pytest.raises(RateLimited) as refusal:
            spend(1)

    assert refusal.value.retry_after == 10


def test_a_wait_that_is_over_lets_one_through() -> None:
    def is_let_in() -> bool:
        try:
            spend(1, limit=2, period=4)
        except RateLimited:
            return False
        return True

    # One in two seconds: a machine that is busy for a moment is not so for two.
    spend(2, limit=2, period=4)
    assert not is_let_in()
    started = time.monotonic()

    wait_for(is_let_in)

    assert time.monotonic() - started > 0.5
    assert not is_let_in()


def test_a_dear_action_counts_for_more() -> None:
    spend(1, cost=4)

    with pytest.raises(RateLimited) as refusal:
        spend(1, cost=3)

    assert refusal.value.retry_after == 20
    assert spend(1, cost=1).remaining == 0


def test_keys_and_scopes_do_not_share() -> None:
    spend(5)

    assert spend(1, key="ben").remaining == 4
    assert limiter.check("other", "ada", limit=5, period=50).remaining == 4


def test_a_key_is_forgotten_when_it_says_nothing_any_more() -> None:
    spend(2)

    ttl = client().pttl(prefixed("limit:test:ada"))

    assert 19_000 < ttl <= 20_001


def test_parallel_actions_never_exceed_the_limit() -> None:
    start = threading.Barrier(20)
    outcomes: list[bool] = []

    def act() -> None:
        start.wait()
        try:
            spend(1, limit=7, period=3600)
        except RateLimited:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=act) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(outcomes) == 7


def test_without_redis_pages_go_on_and_what_guards_money_does_not(
    settings: Any,
) -> None:
    settings.REDIS_CACHE_URL = f"redis://127.0.0.1:{free_port()}/0"
    client.cache_clear()
    try:
        open_one = spend(20)
        with pytest.raises(RateLimited) as refusal:
            spend(1, fail_closed=True)
    finally:
        settings.REDIS_CACHE_URL = settings.REDIS_BROKER_URL
        client.cache_clear()

    assert open_one.remaining == 4
    assert refusal.value.retry_after == 10
