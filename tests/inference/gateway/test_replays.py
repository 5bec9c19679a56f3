"""Keys in Redis: who holds one, until when, and what is kept under it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings

from core.crypto import encrypt
from inference.gateway import replays
from inference.gateway.exchange import Exchange
from inference.gateway.replays import Replays
from inference.protocol.errors import APIError
from inference.protocol.metering import Tokens
from stores.lean_redis import LeanRedis
from stores.redis import client, prefixed
from tests.inference.gateway.exchanges import MODEL, admitted

RUNNING = {"code": "idempotency_in_progress", "headers": {"retry-after": "1"}}
GONE = {"code": "idempotency_answer_gone", "headers": {"x-should-retry": "false"}}
REUSED = {"code": "idempotency_key_reused", "headers": {"x-should-retry": "false"}}


def asked(request_id: str, body: str = "a", key: bytes = b"order-1") -> Exchange:
    exchange = admitted(request_id=request_id)
    exchange.repeat_under(key, body)
    return exchange


async def answer(exchange: Exchange) -> None:
    exchange.run_at(MODEL.deployments[0])
    exchange.record_answer(b'{"a":1}', Tokens(1, 0, 1))


def with_replays(work: Callable[[Replays], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        redis = LeanRedis(settings.REDIS_CACHE_URL)
        try:
            return await work(Replays(redis))
        finally:
            await redis.close()

    return asyncio.run(run())


@contextmanager
def refused(wanted: dict[str, Any]) -> Iterator[None]:
    with pytest.raises(APIError) as caught:
        yield
    assert caught.value.code == wanted["code"]
    assert caught.value.headers == wanted["headers"]


def test_the_second_is_replayed_and_runs_nothing() -> None:
    async def twice(kept: Replays) -> tuple[Exchange, Exchange]:
        first, second = asked("req_1"), asked("req_2")
        async with kept.claiming(first):
            await answer(first)
        async with kept.claiming(second):
            pass
        return first, second

    first, second = with_replays(twice)

    assert not first.is_replayed
    assert second.is_replayed
    assert second.take_answer() == b'{"a":1}'


def test_while_one_runs_the_others_wait_and_another_body_is_told() -> None:
    async def meanwhile(kept: Replays) -> None:
        async with kept.claiming(asked("req_1")):
            with refused(RUNNING):
                async with kept.claiming(asked("req_2")):
                    raise AssertionError
            with refused(REUSED):
                async with kept.claiming(asked("req_3", "b")):
                    raise AssertionError
            async with kept.claiming(asked("req_4", key=b"order-2")):
                pass

    with_replays(meanwhile)


def test_of_twenty_at_once_one_runs() -> None:
    async def together(kept: Replays) -> int:
        ran = 0

        async def one(number: int) -> None:
            nonlocal ran
            exchange = asked(f"req_{number}")
            async with kept.claiming(exchange):
                ran += not exchange.is_replayed
                await asyncio.sleep(0.05)
                await answer(exchange)

        await asyncio.gather(*map(one, range(20)), return_exceptions=True)
        return ran

    assert with_replays(together) == 1


def test_a_request_that_failed_frees_its_key() -> None:
    async def again(kept: Replays) -> Exchange:
        with pytest.raises(KeyError):
            async with kept.claiming(asked("req_1")):
                raise KeyError
        second = asked("req_2", "b")
        async with kept.claiming(second):
            await answer(second)
        return second

    assert not with_replays(again).is_replayed


def test_a_key_whose_gateway_was_killed_is_held_until_its_reservation_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def claim(kept: Replays, number: int, body: str = "a") -> None:
        async with kept.claiming(asked(f"req_{number}", body)):
            # Killed: nothing is kept, nothing is freed.
            monkeypatch.setattr(Replays, "_keep", never)

    async def never(_self: Replays, _exchange: Exchange) -> None: ...

    async def killed(kept: Replays) -> None:
        await claim(kept, 1)
        with refused(RUNNING):
            await claim(kept, 2)
        monkeypatch.setattr(replays, "CLAIM_SECONDS", 0)
        client().zadd(prefixed("gw:reservations"), {"req_1": 1})
        with refused(RUNNING):
            await claim(kept, 3)
        client().zrem(prefixed("gw:reservations"), "req_1")
        with refused(REUSED):
            await claim(kept, 4, "b")
        await claim(kept, 5)

    with_replays(killed)


def test_only_whoever_holds_a_key_says_how_it_ended() -> None:
    async def late(kept: Replays) -> bytes:
        first = asked("req_1")
        async with kept.claiming(first):
            await answer(first)
            (name,) = client().keys(prefixed("gw:{1}:once:*"))
            client().hset(name, mapping={"request": "req_2", "answer": encrypt("2")})
        second = asked("req_3")
        async with kept.claiming(second):
            pass
        return second.take_answer()

    assert with_replays(late) == b"2"


def test_an_answer_too_long_to_be_kept_is_not_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def again(kept: Replays, longest: int) -> None:
        monkeypatch.setattr(replays, "MAX_ANSWER", longest)
        key = b"%d" % longest
        first = asked("req_1", key=key)
        async with kept.claiming(first):
            await answer(first)
        async with kept.claiming(asked("req_2", key=key)):
            pass

    with_replays(lambda kept: again(kept, len(b'{"a":1}')))
    with refused(GONE):
        with_replays(lambda kept: again(kept, len(b'{"a":1}') - 1))


def test_what_is_kept_is_encrypted_and_kept_for_a_day() -> None:
    async def once(kept: Replays) -> None:
        first = asked("req_1")
        async with kept.claiming(first):
            await answer(first)

    with_replays(once)

    (name,) = client().keys(prefixed("gw:{1}:once:*"))
    assert b'"a"' not in client().hget(name, "answer")
    assert 86_390 <= client().ttl(name) <= 86_400


def test_a_key_that_is_too_long_is_refused() -> None:
    async def long(kept: Replays) -> None:
        async with kept.claiming(asked("req_1", key=b"x" * 256)):
            raise AssertionError

    with pytest.raises(APIError, match="at most 255") as caught:
        with_replays(long)

    assert (caught.value.status, caught.value.code) == (400, None)
