"""Usage is committed once and in groups; only then is a reservation given back."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import psycopg
import pytest
from django.conf import settings

from accounts.queries import personal_organisation
from core.errors import Unavailable
from entitlements.features import FREE
from inference.catalog.models import Deployment
from inference.directory.callers import Caller
from inference.directory.directory import Directory
from inference.gateway import attempts, keeping, path, settlement
from inference.gateway.admission import Admission, keys_of
from inference.gateway.attempts import Attempts
from inference.gateway.exchange import Exchange
from inference.gateway.keeping import Keeping
from inference.gateway.request import Message, Request
from inference.gateway.settlement import NOTHING, Settlement
from inference.limits.reservations import request_key
from inference.protocol import errors
from inference.protocol.errors import APIError
from inference.protocol.metering import Tokens
from inference.protocol.requests import Keep
from inference.providers.openai import OpenAIProvider
from inference.routing.router import Router
from inference.usage.models import UsageEvent
from stores.lean_redis import LeanRedis
from stores.redis import client, prefixed
from tests.factories.inference import key_of
from tests.fakes.upstream import Upstream
from tests.inference.gateway.exchanges import MODEL, caller, received

pytestmark = pytest.mark.django_db(transaction=True)
TOKENS = Tokens(10, 0, 5)
PRICE = 10 * 1_000 + 5 * 2_000
ELSEWHERE = Deployment(pk=2, provider="openai", base_url="http://y")


class Desk:
    """A settlement and an admission, working."""

    def __init__(self, redis: LeanRedis) -> None:
        directory = Directory(models={"tiny": MODEL}, models_end_at=float("inf"))
        self.admission = Admission(redis, directory)
        self.settlement = Settlement(redis, self.admission, Keeping(redis))

    @property
    def engine(self) -> Any:
        """What the path of a request asks of an engine."""
        return SimpleNamespace(
            admission=self.admission,
            keeping=self.settlement.keeping,
            settlement=self.settlement,
            directory=None,
            bodies=None,
            check_open=lambda: None,
        )

    async def admit(self, who: Caller, request_id: str) -> Exchange:
        exchange = received(who, request_id=request_id)
        await self.admission.admit(exchange)
        exchange.run_at(MODEL.deployments[0])
        return exchange

    async def committed(self) -> None:
        await asyncio.wait_for(self.settlement.is_idle.wait(), 10)


def at_the_desk(work: Callable[[Desk], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        redis = LeanRedis(settings.REDIS_CACHE_URL)
        desk = Desk(redis)
        await desk.settlement.open()
        committing = asyncio.create_task(desk.settlement.commit_forever())
        try:
            return await work(desk)
        finally:
            committing.cancel()
            await desk.settlement.pool.close()
            await redis.close()

    return asyncio.run(run())


@pytest.fixture
def who(person: Callable[..., Any]) -> Caller:
    ada = person("ada")
    organisation = personal_organisation(ada)
    wide = replace(FREE, concurrent_requests=100, requests_per_minute=6_000)
    return caller(
        replace(wide, tokens_per_minute=10_000_000),
        organisation_id=organisation.pk,
        key_id=key_of(organisation, ada).pk,
    )


def rows() -> dict[str, tuple[str, int]]:
    found = UsageEvent.objects.values_list("request_id", "status", "price_nano")
    return {request_id: (status, price) for request_id, status, price in found}


def test_a_reservation_is_held_until_the_usage_is_committed(
    who: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Settlement._commit
    tries: list[int] = []

    async def away_at_first(self: Settlement, batch: Any) -> None:
        tries.append(client().hget(keys_of(exchanges[0])[0], "r:req_1") is not None)
        if len(tries) == 1:
            raise psycopg.OperationalError
        await real(self, batch)

    monkeypatch.setattr(Settlement, "_commit", away_at_first)
    exchanges: list[Exchange] = []

    async def settle(desk: Desk) -> None:
        exchanges.append(await desk.admit(who, "req_1"))
        desk.settlement.settle(exchanges[0], "ok", TOKENS)
        assert exchanges[0].usage.price_nano == PRICE
        assert not desk.settlement.is_idle.is_set()
        await desk.committed()

    at_the_desk(settle)

    # Held at both tries, the one that failed and the one that did not.
    assert tries == [True, True]
    kept = client().hgetall(keys_of(exchanges[0])[0])
    assert (kept[b"held"], kept[b"spent"]) == (b"0", str(PRICE).encode())
    assert rows() == {"req_1": ("ok", PRICE)}


def test_what_is_settled_but_not_committed_is_noted_for_the_sweeper(
    who: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "WINDOW_SECONDS", 60)

    async def settle(desk: Desk) -> Exchange:
        exchange = await desk.admit(who, "req_1")
        # Forgotten by a wiped Redis: nothing is noted that nobody would find.
        lost = await desk.admit(who, "req_2")
        client().delete(request_key("req_2"))
        for each in (exchange, lost):
            desk.settlement.settle(each, "ok", TOKENS)
        await desk.settlement.redis.call("PING")
        return exchange

    exchange = at_the_desk(settle)

    noted = orjson.loads(client().get(request_key("req_1")))
    assert noted["usage"]["price_nano"] == PRICE
    assert noted["month"] == exchange.month
    assert client().get(request_key("req_2")) is None
    # It runs no more, and still holds its worst price.
    assert client().zcard(keys_of(exchange)[1]) == 0
    assert client().zcard(prefixed("gw:reservations")) == 2


def test_many_are_committed_in_groups_and_each_once(
    who: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "MAX_BATCH", 3)
    real = Settlement._commit
    sizes: list[int] = []

    async def counted(self: Settlement, batch: Any) -> None:
        sizes.append(len(batch))
        await real(self, batch)

    monkeypatch.setattr(Settlement, "_commit", counted)

    async def settle(desk: Desk) -> None:
        for number in range(7):
            exchange = await desk.admit(who, f"req_{number}")
            desk.settlement.settle(exchange, "ok", TOKENS)
        await desk.committed()

    at_the_desk(settle)

    assert sum(sizes) == 7
    assert max(sizes) <= 3
    assert len(rows()) == 7


def test_one_that_the_database_refuses_holds_up_no_other(who: Caller) -> None:
    async def settle(desk: Desk) -> None:
        # Its organisation was deleted meanwhile.
        gone = replace(who, organisation_id=999_999_999)
        for number, each in enumerate((who, gone, who)):
            exchange = await desk.admit(each, f"req_{number}")
            desk.settlement.settle(exchange, "ok", TOKENS)
        await desk.committed()

    at_the_desk(settle)

    assert rows().keys() == {"req_0", "req_2"}
    assert client().zcard(prefixed("gw:reservations")) == 0


def end_in(desk: Settlement, exchange: Exchange, end: BaseException) -> None:
    with desk.settling(exchange):
        assert desk.running == {exchange.request_id: exchange}
        raise end


@pytest.mark.parametrize(
    ("end", "status", "code", "is_lost"),
    [
        (errors.upstream_timeout(), "upstream_error", "upstream_timeout", False),
        (asyncio.CancelledError(), "client_abort", "", True),
        (ZeroDivisionError(), "upstream_error", "internal_error", False),
        # Not even begun: it could not be written down that it is to be kept.
        (Unavailable(), "upstream_error", "service_unavailable", False),
    ],
    ids=["refused", "left", "broken", "away"],
)
def test_whatever_ends_without_an_answer_is_settled_free(
    who: Caller, end: BaseException, status: str, code: str, is_lost: bool
) -> None:
    async def settle(desk: Desk) -> Exchange:
        exchange = await desk.admit(who, "req_1")
        with pytest.raises(type(end)):
            end_in(desk.settlement, exchange, end)
        assert desk.settlement.running == {}
        await desk.committed()
        return exchange

    exchange = at_the_desk(settle)

    row = UsageEvent.objects.get()
    assert (row.status, row.error_code, row.price_nano) == (status, code, 0)
    assert (row.tokens_in, row.tokens_out) == (NOTHING.prompt, NOTHING.completion)
    # A prompt that ran for somebody who left is a cost of ours.
    lost = exchange.bounds.estimated_in * 500 if is_lost else 0
    assert row.cost_nano == lost


def test_one_who_leaves_before_anything_was_tried_costs_nothing(who: Caller) -> None:
    async def settle(desk: Desk) -> None:
        exchange = received(who, request_id="req_1")
        await desk.admission.admit(exchange)
        with pytest.raises(asyncio.CancelledError), desk.settlement.settling(exchange):
            raise asyncio.CancelledError
        await desk.committed()

    at_the_desk(settle)

    assert UsageEvent.objects.get().cost_nano == 0


@pytest.mark.parametrize("on_disconnect", ["abort", "drain"])
def test_who_leaves_between_two_tries_is_lost_no_prompt_for(
    who: Caller, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, on_disconnect: str
) -> None:
    places = tuple(
        Deployment(
            pk=pk,
            provider="openai",
            base_url=upstream.url,
            upstream_model=model,
            priority=pk,
            on_disconnect=on_disconnect,
            first_byte_timeout=20,
            total_timeout=60,
        )
        for pk, model in ((1, "status-500"), (2, "plain"))
    )
    router = Router()

    async def leave(desk: Desk) -> None:
        exchange = received(who, request_id="req_1")
        await desk.admission.admit(exchange)
        exchange.run_as(replace(MODEL, deployments=places))
        provider = OpenAIProvider()
        redis = desk.settlement.redis
        tries = Attempts(redis, {"openai": provider}, router, cache=None)  # type: ignore[arg-type]

        async def back_off(turn: int) -> None:
            if exchange.attempts:
                exchange.leave()
                await asyncio.sleep(0)

        monkeypatch.setattr(attempts, "_back_off", back_off)

        async def run() -> None:
            with desk.settlement.settling(exchange):
                await tries.complete(exchange)

        (task,), _ = await asyncio.wait([asyncio.ensure_future(run())])
        assert task.cancelled()
        await provider.close()
        await desk.committed()

    at_the_desk(leave)

    row = UsageEvent.objects.get()
    assert (row.status, row.attempts) == (UsageEvent.Status.CLIENT_ABORT, 1)
    assert (row.tokens_in, row.tokens_out, row.price_nano, row.cost_nano) == (0,) * 4
    asked = [each["payload"]["model"] for each in upstream.requests]
    assert asked == ["status-500"]
    # Who was never asked is not blamed.
    assert [router.health[pk].failures for pk in (1, 2)] == [1, 0]
    assert router.load == {1: 0}


@pytest.mark.parametrize("accepts", [False, True])
@pytest.mark.parametrize("is_stream", [False, True])
def test_who_leaves_before_a_connection_is_there_has_bought_nothing(
    who: Caller, accepts: bool, is_stream: bool
) -> None:
    async def leave(desk: Desk) -> Exchange:
        with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
            server.setblocking(False)
            port = server.getsockname()[1]
            if not accepts:
                server.listen(0)
                # One connection fills the queue: the next waits until it is taken.
                waiting = socket.create_connection(("127.0.0.1", port))
            place = Deployment(
                pk=1,
                provider="openai",
                base_url=f"http://127.0.0.1:{port}",
                upstream_model="slow",
                connect_timeout=20,
                first_byte_timeout=20,
                total_timeout=60,
            )
            exchange = received(who, request_id="req_1")
            await desk.admission.admit(exchange)
            exchange.run_as(replace(MODEL, deployments=(place,)))
            provider = OpenAIProvider()
            redis = desk.settlement.redis
            tries = Attempts(redis, {"openai": provider}, Router(), cache=None)  # type: ignore[arg-type]

            async def attempt(deployment: Deployment) -> object:
                way = provider.stream if is_stream else provider.complete
                return await way(deployment, exchange.ask(deployment))

            async def run() -> None:
                with desk.settlement.settling(exchange):
                    await tries.first_answer(exchange, attempt)

            running = asyncio.ensure_future(run())
            if accepts:
                loop = asyncio.get_running_loop()
                reached, _ = await loop.sock_accept(server)
                assert await loop.sock_recv(reached, 4)
                exchange.leave()
                await asyncio.wait([running])
                reached.close()
            else:
                # A connection is tried for a second; it has begun long before.
                await asyncio.sleep(0.4)
                exchange.leave()
                await asyncio.wait([running])
                waiting.close()
            assert running.cancelled()
            await provider.close()
        await desk.committed()
        return exchange

    exchange = at_the_desk(leave)

    row = UsageEvent.objects.get()
    assert (row.status, row.attempts) == (UsageEvent.Status.CLIENT_ABORT, 1)
    assert row.price_nano == 0
    bought = exchange.bounds.estimated_in * 500
    assert row.cost_nano == (bought if accepts else 0)


def test_an_answer_that_is_here_is_paid_for_by_one_who_leaves_just_then(
    who: Caller,
) -> None:
    """It may be kept already, under a key or a name by which it can be fetched."""

    async def settle(desk: Desk) -> None:
        exchange = await desk.admit(who, "req_1")
        with desk.settlement.settling(exchange):
            exchange.record_answer(b"{}", TOKENS)
            exchange.leave()
            # Where it is kept, or its response is written down.
            await asyncio.sleep(0)
        await desk.committed()

    at_the_desk(settle)

    assert rows() == {"req_1": ("ok", PRICE)}


def test_nothing_is_reserved_for_one_there_is_no_room_for_in_the_background(
    who: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never runs, so that nobody would give it back."""
    monkeypatch.setattr(keeping, "MOST_IN_BACKGROUND", 0)
    exchange = received(who, request_id="req_1")
    exchange.call.keep = Keep([], is_background=True)

    async def receive(*_: object) -> Exchange:
        return exchange

    async def hear() -> Message:
        raise AssertionError

    async def say(_message: Message) -> None:
        raise AssertionError

    monkeypatch.setattr(path, "receive", receive)
    scope = {"method": "POST", "path": "/v1/responses", "headers": []}

    async def ask(desk: Desk) -> None:
        request = Request(scope, hear, say, "req_1")
        with pytest.raises(APIError) as refused:
            await path.answer(request, desk.engine)
        assert refused.value.code == "limiter_unavailable"

    at_the_desk(ask)

    assert client().zcard(prefixed("gw:reservations")) == 0
    assert rows() == {}


def test_a_stream_that_has_begun_settles_itself(who: Caller) -> None:
    async def settle(desk: Desk) -> None:
        exchange = await desk.admit(who, "req_1")
        exchange.start_streaming()
        with pytest.raises(APIError):
            end_in(desk.settlement, exchange, errors.upstream_error())
        with desk.settlement.settling(exchange):
            pass
        # It is still followed: it may be read to its end first.
        assert desk.settlement.running == {"req_1": exchange}
        assert not desk.settlement.waiting

    at_the_desk(settle)


def test_a_heartbeat_renews_the_lease_and_reports_the_count(
    who: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "HEARTBEAT_SECONDS", 0.01)

    async def beat(desk: Desk) -> Exchange:
        exchange = await desk.admit(who, "req_1")
        _money, lease, *_rest = keys_of(exchange)
        client().zadd(lease, {"req_1": 5})
        client().zadd(prefixed("gw:reservations"), {"req_1": 5})
        beating = asyncio.create_task(desk.settlement.beat_forever())
        with desk.settlement.settling(exchange):
            exchange.record_tokens(42)
            exchange.record_answer(b"{}", TOKENS)
            await asyncio.sleep(0.3)
            seconds, _micro = client().time()
            until = client().zscore(lease, "req_1") / 1_000_000
            # It had been over; a busy machine may beat some seconds late.
            assert 20 <= until - seconds <= 30
            assert client().zscore(prefixed("gw:reservations"), "req_1") >= seconds - 1
            record = orjson.loads(client().get(request_key("req_1")))
            assert record["tokens_out"] == 42
            assert (record["attempts"], record["deployment_id"]) == (1, 1)
            assert (record["lost_nano"], record["first_byte_ms"]) == (0, None)
            # The next attempt, what the first cost, and the count after them.
            exchange.record_failure("upstream_error", has_run=True, upstream_status=202)
            exchange.run_at(ELSEWHERE)
            exchange.record_first_byte()
            await asyncio.sleep(0.2)
            exchange.record_tokens(43)
            await asyncio.sleep(0.2)
            record = orjson.loads(client().get(request_key("req_1")))
            assert (record["attempts"], record["deployment_id"]) == (2, 2)
            assert (record["tokens_out"], record["upstream_status"]) == (43, 202)
            assert record["lost_nano"] == exchange.lost_nano > 0
            assert record["first_byte_ms"] == exchange.first_byte_ms is not None
            # It was settled: its place is not taken again.
            client().zrem(lease, "req_1")
            await asyncio.sleep(0.1)
            assert client().zscore(lease, "req_1") is None
            # Redis forgot a call that runs: the sweeper is to find it all the same.
            client().zrem(prefixed("gw:reservations"), "req_1")
            client().delete(request_key("req_1"))
            await asyncio.sleep(0.1)
            assert client().zscore(prefixed("gw:reservations"), "req_1") >= seconds - 1
            again = orjson.loads(client().get(request_key("req_1")))
            assert again == record
        beating.cancel()
        return exchange

    at_the_desk(beat)


def test_a_late_heartbeat_changes_nothing_of_a_call_that_has_ended(who: Caller) -> None:
    ended = b'{"month":"202605","usage":{"tokens_out":5}}'

    async def beat(desk: Desk) -> None:
        exchange = await desk.admit(who, "req_1")
        _money, lease, *_rest = keys_of(exchange)
        client().set(request_key("req_1"), ended)
        for record in (b"", b'{"tokens_out":9}'):
            arguments = ("req_1", request_key("req_1"), 9, lease, record)
            await desk.settlement.redis.run(
                settlement.HEARTBEAT, [prefixed("gw:reservations")], 30, *arguments
            )

    at_the_desk(beat)

    assert client().get(request_key("req_1")) == ended
