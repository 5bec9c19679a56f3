"""Limits, quota and reservations: what is let in, to the last one and billionth."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from entitlements.features import Features
from inference.directory.callers import Caller
from inference.directory.directory import Directory
from inference.gateway.admission import MAX_UNCOMMITTED, Admission, keys_of
from inference.gateway.exchange import Exchange, Stage
from inference.protocol.errors import APIError
from inference.protocol.metering import Tokens
from stores.lean_redis import LeanRedis
from stores.redis import client, prefixed
from tests.fakes.servers import free_port
from tests.inference.gateway.exchanges import MODEL, caller, estimated, received

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = Features(
    requests_per_minute=600, tokens_per_minute=600_000, concurrent_requests=100
)
FREE = replace(MODEL, slug="free", price=(0, 0, 0))
# Whatever is used of it costs a billionth.
CHEAP = replace(MODEL, slug="cheap", price=(1, 1, 1))
HOLD = estimated().hold_nano
# What is counted against the tokens per minute: the prompt, and ten of answer.
TOKENS = estimated().bounds.estimated_in + 10


def features(**fields: Any) -> Features:
    return replace(WIDE, **fields)


class Door:
    """An admission, and requests that ask it one after the other."""

    def __init__(self, redis: LeanRedis) -> None:
        models = {model.slug: model for model in (MODEL, FREE, CHEAP)}
        directory = Directory(models=models, models_end_at=float("inf"))
        self.admission = Admission(redis, directory)
        self.asked = 0

    async def enter(self, who: Caller, **asked: Any) -> Exchange:
        self.asked += 1
        exchange = received(who, request_id=f"req_{self.asked}", **asked)
        await self.admission.admit(exchange)
        return exchange

    async def entered(self, who: Caller, times: int) -> int:
        """Return how many of so many at once are let in."""
        found = await asyncio.gather(
            *(self.enter(who) for _ in range(times)), return_exceptions=True
        )
        return sum(isinstance(each, Exchange) for each in found)

    async def leave(self, exchange: Exchange, tokens: Tokens) -> int:
        """Settle, give back and return the price."""
        exchange.settle("ok", tokens, error_code="")
        await self.admission.release(exchange)
        return exchange.usage.price_nano


def at_the_door(work: Callable[[Door], Awaitable[Any]], url: str | None = None) -> Any:
    async def run() -> Any:
        redis = LeanRedis(url or settings.REDIS_CACHE_URL)
        try:
            return await work(Door(redis))
        finally:
            await redis.close()

    return asyncio.run(run())


@contextmanager
def refused(code: str, words: str = ".") -> Iterator[list[APIError]]:
    seen: list[APIError] = []
    with pytest.raises(APIError, match=words) as caught:
        yield seen
    seen.append(caught.value)
    assert caught.value.code == code


def money(exchange: Exchange) -> dict[str, int]:
    kept = client().hgetall(keys_of(exchange)[0])
    return {name.decode(): int(value) for name, value in kept.items()}


def without_redis() -> str:
    return f"redis://127.0.0.1:{free_port()}/0"


def test_the_last_of_the_allowance_is_let_in_and_a_billionth_more_is_not() -> None:
    async def spend(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=2 * HOLD))
        first = await door.enter(who)
        await door.enter(who)
        with refused("insufficient_quota"):
            await door.enter(who)

        less = caller(features(monthly_allowance_nano=2 * HOLD - 1), organisation_id=2)
        await door.enter(less)
        with refused("insufficient_quota"):
            await door.enter(less)
        assert money(first)["held"] == 2 * HOLD

    at_the_door(spend)


def test_what_was_spent_counts_as_what_is_held_does() -> None:
    async def spend(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=HOLD + 2_000))
        first = await door.enter(who)
        price = await door.leave(first, Tokens(1, 0, 1))
        assert price == 1_000 + 2_000

        assert money(first) == {"spent": 3_000, "held": 0, "hk:5": 0, "k:5": 3_000}
        with refused("insufficient_quota"):
            await door.enter(who)
        more = replace(who, features=features(monthly_allowance_nano=HOLD + 3_000))
        await door.enter(more)

    at_the_door(spend)


def test_what_is_free_runs_when_everything_is_spent() -> None:
    async def spend(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=0), monthly_limit_nano=0)
        with refused("insufficient_quota"):
            await door.enter(who)
        free = await door.enter(who, model="free")
        client().hset(keys_of(free)[0], mapping={"spent": 5, "k:5": 5})
        await door.enter(who, model="free")

    at_the_door(spend)


def test_a_key_whose_limit_is_nothing_may_spend_nothing() -> None:
    async def spend(door: Door) -> None:
        with refused("insufficient_quota"):
            await door.enter(caller(features(), monthly_limit_nano=0))

    at_the_door(spend)


def test_a_key_has_a_limit_of_its_own_to_the_billionth() -> None:
    async def spend(door: Door) -> None:
        rich = features(monthly_allowance_nano=100 * HOLD)
        mine = caller(rich, monthly_limit_nano=2 * HOLD)
        other = caller(rich, key_id=6, monthly_limit_nano=HOLD - 1)
        await door.enter(mine)
        last = await door.enter(mine)
        for who in (mine, other):
            with refused("insufficient_quota"):
                await door.enter(who)
        await door.leave(last, Tokens(0, 0, 0))
        await door.enter(mine)
        await door.enter(caller(rich, key_id=7))

    at_the_door(spend)


def test_so_many_run_at_once_and_one_that_ends_lets_the_next_in() -> None:
    async def crowd(door: Door) -> None:
        who = caller(features(concurrent_requests=7))
        assert await door.entered(who, 20) == 7
        with refused("rate_limit_exceeded", "7 requests at the same time"):
            await door.enter(who)
        assert await door.entered(caller(WIDE, organisation_id=2), 3) == 3

        lease = keys_of(estimated(who))[1]
        name, until = client().zrange(lease, 0, 0, withscores=True)[0]
        # One whose gateway was killed gives its place back by itself.
        assert 20 < until / 1_000_000 - time.time() < 31
        client().zadd(lease, {name: (time.time() - 1) * 1_000_000})
        await door.enter(who)

    at_the_door(crowd)


def test_a_lease_ends_exactly_when_it_says() -> None:
    """A place is taken until its end and not beyond it, whatever came before."""

    async def crowd(door: Door) -> None:
        who = caller(features(concurrent_requests=1))
        first = await door.enter(who)
        lease = keys_of(first)[1]
        client().zadd(lease, {"req_1": (time.time() + 5) * 1_000_000})
        with refused("rate_limit_exceeded") as seen:
            await door.enter(who)
        # Nobody is told to wait longer than a second for what may end at once.
        assert seen[0].headers["retry-after-ms"] == "1000"
        client().zadd(lease, {"req_1": (time.time() + 0.4) * 1_000_000})
        with refused("rate_limit_exceeded") as seen:
            await door.enter(who)
        assert 200 < int(seen[0].headers["retry-after-ms"]) <= 400

    at_the_door(crowd)


def test_requests_are_counted_by_the_minute_and_told_exactly() -> None:
    async def knock(door: Door) -> None:
        who = caller(features(requests_per_minute=3))
        left = [
            (await door.enter(who)).limit_headers["x-ratelimit-remaining-requests"]
            for _ in range(3)
        ]
        assert left == ["2", "1", "0"]
        with refused("rate_limit_exceeded", "3 requests per minute") as seen:
            await door.enter(who)
        assert 19_000 < int(seen[0].headers["retry-after-ms"]) <= 20_000
        assert seen[0].headers["x-ratelimit-remaining-requests"] == "0"

    at_the_door(knock)


def test_tokens_are_counted_by_the_minute_and_told_exactly() -> None:
    async def knock(door: Door) -> None:
        who = caller(features(tokens_per_minute=2 * TOKENS))
        first = await door.enter(who)
        assert first.limit_headers["x-ratelimit-remaining-tokens"] == str(TOKENS)
        await door.enter(who)
        with refused("rate_limit_exceeded", "tokens per minute") as seen:
            await door.enter(who)
        assert 29_000 < int(seen[0].headers["retry-after-ms"]) <= 30_000

        # More than a minute's at once run alone, on a full bucket.
        small = caller(features(tokens_per_minute=TOKENS - 1), organisation_id=2)
        await door.enter(small)
        with refused("rate_limit_exceeded"):
            await door.enter(small)

    at_the_door(knock)


def test_a_whole_minutes_tokens_may_come_at_once() -> None:
    """Also where a minute is no multiple of them, and 60 s / n * n is more than it."""

    async def knock(door: Door) -> None:
        per_minute = 1_138
        assert 60_000_000 / per_minute * per_minute > 60_000_000
        await door.enter(
            caller(features(tokens_per_minute=per_minute)), max_tokens=1_000, n=2
        )

    at_the_door(knock)


@pytest.mark.parametrize(
    "fields",
    [
        {"monthly_allowance_nano": 2 * HOLD - 1},
        {"tokens_per_minute": 2 * TOKENS - 1},
        {"requests_per_minute": 1},
        {"concurrent_requests": 1},
    ],
    ids=str,
)
def test_a_refusal_leaves_nothing_behind(fields: dict[str, Any]) -> None:
    async def knock(door: Door) -> Exchange:
        # So few a minute that nothing ends by itself meanwhile.
        slow = {"requests_per_minute": 2, "tokens_per_minute": 3 * TOKENS}
        who = caller(features(**{**slow, **fields}))
        await door.enter(who)
        before = everything()
        exchange = received(who, request_id="req_refused")
        with pytest.raises(APIError):
            await door.admission.admit(exchange)
        assert everything() == before
        return exchange

    assert at_the_door(knock).stage is Stage.RECEIVED


def everything() -> dict[bytes, bytes]:
    return {name: client().dump(name) for name in client().keys(prefixed("gw:*"))}


def test_a_reservation_is_given_back_once() -> None:
    async def twice(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=100 * HOLD))
        first, second = await door.enter(who), await door.enter(who)
        await door.leave(first, Tokens(10, 0, 0))
        once = money(first)
        assert once == {
            "spent": 10_000,
            "held": HOLD,
            "hk:5": HOLD,
            "k:5": 10_000,
            "r:req_2": HOLD,
        }

        # The sweeper and the gateway may both give back: who comes second changes
        # nothing but has the sum read again.
        await door.admission.release(first)

        assert money(first) == {
            "held": HOLD,
            "hk:5": HOLD,
            "r:req_2": HOLD,
            "doubt": 1,
        }
        await door.leave(second, Tokens(5, 0, 0))
        assert money(first) == {}

    at_the_door(twice)


def test_while_a_sum_is_doubted_nothing_is_added_to_it() -> None:
    async def doubt(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=100 * HOLD))
        first, second, third = [await door.enter(who) for _ in range(3)]
        for exchange in (first, first):
            if exchange.stage is not Stage.SETTLED:
                exchange.settle("ok", Tokens(10, 0, 0), error_code="")
            await door.admission.release(exchange)

        await door.leave(second, Tokens(10, 0, 0))

        # PostgreSQL knows all prices, this one included, once it is asked again;
        # and again when the last has ended.
        assert money(third) == {
            "held": HOLD,
            "hk:5": HOLD,
            "r:req_3": HOLD,
            "doubt": 1,
        }

    at_the_door(doubt)


def test_a_price_of_one_billionth_is_spent() -> None:
    async def spend(door: Door) -> None:
        exchange = await door.enter(caller(WIDE), model="cheap")
        assert await door.leave(exchange, Tokens(1, 0, 0)) == 1
        assert money(exchange) == {"spent": 1, "held": 0, "hk:5": 0, "k:5": 1}

    at_the_door(spend)


def test_a_sum_that_is_lost_again_at_once_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lost(_self: Admission, _exchange: Exchange, _tokens: int) -> list[Any]:
        return [b"miss", 0, 0, 0, 0, 0]

    async def spend(door: Door) -> None:
        with refused("limiter_unavailable"):
            await door.enter(caller(WIDE))

    monkeypatch.setattr(Admission, "_ask", lost)
    at_the_door(spend)


def test_of_two_that_load_a_sum_the_second_changes_nothing() -> None:
    async def load(door: Door) -> None:
        exchange = await door.enter(caller(WIDE))
        await door.leave(exchange, Tokens(10, 0, 0))
        await door.admission._load(exchange)
        assert money(exchange)["spent"] == money(exchange)["k:5"] == 10_000

    at_the_door(load)


def test_many_are_given_back_at_once_also_to_a_redis_that_knows_no_script() -> None:
    async def many(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=100 * HOLD))
        exchanges = [await door.enter(who) for _ in range(5)]
        for exchange in exchanges:
            exchange.settle("ok", Tokens(10, 0, 0), error_code="")
        client().script_flush()

        await door.admission.release_all(exchanges)

        assert money(exchanges[0]) == {
            "spent": 50_000,
            "held": 0,
            "hk:5": 0,
            "k:5": 50_000,
        }
        assert client().zcard(prefixed("gw:reservations")) == 0
        assert client().keys(prefixed("gw:request:*")) == []

    at_the_door(many)


def test_too_many_that_wait_for_the_database_let_nobody_in() -> None:
    async def knock(door: Door) -> None:
        done = estimated()
        door.admission.uncommitted.extend([done] * MAX_UNCOMMITTED)
        await door.enter(caller(WIDE))
        door.admission.uncommitted.append(done)
        with refused("limiter_unavailable"):
            await door.enter(caller(WIDE))

    at_the_door(knock)


def test_without_redis_a_quarter_of_each_limit_is_given() -> None:
    async def knock(door: Door) -> None:
        who = caller(features(concurrent_requests=8))
        assert await door.entered(who, 9) == 2
        few = caller(features(concurrent_requests=3), organisation_id=2)
        # A quarter of three is none; one may run all the same.
        first = await door.enter(few)
        assert not first.is_held_in_redis
        with refused("rate_limit_exceeded", "1 requests at the same time"):
            await door.enter(few)
        await door.leave(first, Tokens(0, 0, 0))
        await door.enter(few)

        slow = caller(features(requests_per_minute=8), organisation_id=3)
        assert await door.entered(slow, 5) == 2
        with refused("rate_limit_exceeded", "2 requests per minute") as seen:
            await door.enter(slow)
        assert 29_000 < int(seen[0].headers["retry-after-ms"]) <= 30_000

    at_the_door(knock, without_redis())


def test_without_redis_the_allowance_holds_to_the_billionth() -> None:
    async def spend(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=2 * HOLD))
        first = await door.enter(who)
        await door.enter(who)
        with refused("insufficient_quota"):
            await door.enter(who)
        price = await door.leave(first, Tokens(1, 0, 0))
        assert price == 1_000
        with refused("insufficient_quota"):
            await door.enter(who)
        more = replace(who, features=features(monthly_allowance_nano=2 * HOLD + price))
        await door.enter(more)
        assert door.admission.doubted == {1}

    at_the_door(spend, without_redis())


def test_what_was_used_without_redis_is_read_from_postgresql_afterwards() -> None:
    async def back(door: Door) -> None:
        who = caller(features(monthly_allowance_nano=100 * HOLD))
        first = await door.enter(who)
        client().hset(keys_of(first)[0], "spent", 7)
        door.admission.doubted.add(1)
        second = await door.enter(who)
        # Not the 7 that Redis believed: PostgreSQL knows of nothing spent.
        assert money(second)["spent"] == 0
        assert money(second)["doubt"] == 1
        assert door.admission.doubted == set()

    at_the_door(back)
