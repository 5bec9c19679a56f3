"""Parts of the gateway in this process: copies, circuits, silence and recording."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from inference.catalog.models import Deployment
from inference.gateway import routing, state, upstreams
from inference.gateway.redis import LeanRedis
from inference.gateway.routing import Router
from inference.gateway.state import Directory, Unavailable
from inference.gateway.sweeping import sweep
from inference.keys.services import create_key, revoke_key
from inference.providers.base import StreamBroke
from inference.usage.models import OrganisationMonth, UsageEvent
from inference.usage.recording import Usage, record
from stores.redis import client as redis_client
from stores.redis import prefixed
from tests.factories.inference import offered_model, used


class Clock:
    """Stands in for the module ``time``; goes on when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def deployment(pk: int, **fields: Any) -> Deployment:
    return Deployment(pk=pk, provider="openai", base_url="http://x", **fields)


def order(router: Router, *deployments: Deployment) -> list[tuple[int, int]]:
    return [(d.pk, turn) for d, turn in router.candidates(deployments)]


def test_lower_priorities_are_tried_last_and_three_tries_are_all() -> None:
    first, second = deployment(1, priority=0), deployment(2, priority=1)

    assert order(Router(), second, first) == [(1, 0), (2, 0), (1, 1)]
    assert order(Router(), first) == [(1, 0), (1, 1), (1, 2)]


def test_what_is_left_out_meanwhile_is_not_tried_again() -> None:
    left_out: set[int] = set()
    tries = []
    for found, _turn in Router().candidates((deployment(1),), left_out=left_out):
        tries.append(found.pk)
        left_out.add(found.pk)

    assert tries == [1]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(routing, "time", clock)
    return clock


def test_a_circuit_opens_after_failures_of_several_callers_and_one_probe_closes_it(
    clock: Clock,
) -> None:
    router, only = Router(), deployment(1)
    router.succeeded(only, 1)
    router.succeeded(only, 2)

    for caller in (1, 2):
        router.failed(only, caller, is_certain=False)
    # Four requests are too few to judge.
    assert len(order(router, only)) == 3
    router.failed(only, 1, is_certain=False)
    assert order(router, only) == []
    assert router.wait((only,)) == 5

    clock.now += 5.1
    # Half open: the first to ask finds out, nobody else does.
    assert next(router.candidates((only,), caller=3))[0] is only
    assert order(router, only) == []
    router.failed(only, 3, is_certain=False)
    assert router.wait((only,)) == 8

    clock.now += 8.1
    next(router.candidates((only,), caller=4))
    router.succeeded(only, 4)
    assert len(order(router, only)) == 3


def test_one_caller_alone_never_closes_a_deployment(clock: Clock) -> None:
    router, only = Router(), deployment(1)

    for _ in range(500):
        router.failed(only, 1, is_certain=False)
        router.limited(only, 1, 60)

    assert len(order(router, only)) == 3


def test_a_caller_who_met_failures_does_not_probe_for_the_others(clock: Clock) -> None:
    router, only = Router(), deployment(1)
    for caller in (1, 2, 1, 2, 1):
        router.failed(only, caller, is_certain=False)
    clock.now += 5.1

    assert list(router.candidates((only,), caller=1)) == []
    assert next(router.candidates((only,), caller=3))[0] is only


def test_a_caller_who_met_a_failure_is_sent_elsewhere_first(clock: Clock) -> None:
    router = Router()
    first, second = deployment(1, priority=0), deployment(2, priority=1)

    router.failed(first, 1, is_certain=False)

    def asked(caller: int) -> list[int]:
        found = router.candidates((first, second), caller=caller)
        return [each.pk for each, _ in found]

    assert asked(1) == [2, 1, 2]
    assert asked(2) == [1, 2, 1]
    clock.now += routing.WINDOW_SECONDS + 1
    assert asked(1) == [1, 2, 1]


def test_a_dead_server_is_let_alone_within_three_requests_of_anybody(
    clock: Clock,
) -> None:
    router, only = Router(), deployment(1)

    for _ in range(3):
        assert order(router, only) != []
        router.failed(only, 1, is_certain=True)

    assert order(router, only) == []
    clock.now += 5.1
    # Whoever met it may find out whether it is back: nobody brought it about.
    assert next(router.candidates((only,), caller=1))[0] is only


def test_an_upstreams_limit_is_a_pause_once_several_callers_met_it(
    clock: Clock,
) -> None:
    router, only = Router(), deployment(1)
    router.limited(only, 1, 30)
    router.limited(only, 2, 30)

    assert order(router, only) == []
    assert router.are_limited((only,))
    assert router.wait((only,)) == 30


def test_failures_under_way_when_a_circuit_opens_do_not_lengthen_it(
    clock: Clock,
) -> None:
    router, only = Router(), deployment(1)

    for caller in range(50):
        router.failed(only, caller, is_certain=True)

    assert router.wait((only,)) == 5


def test_a_silent_upstream_gives_keep_alives_and_then_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstreams, "KEEP_ALIVE_SECONDS", 0.02)

    async def silent() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(60)

    async def read() -> list[bytes | None]:
        loop = asyncio.get_running_loop()
        begun: Any = SimpleNamespace(
            pending=None,
            stream=SimpleNamespace(pieces=silent(), close=None),
            interrupted=loop.create_future(),
            heard_at=loop.time(),
            deployment=SimpleNamespace(idle_timeout=0.15),
            scanner=SimpleNamespace(counted=SimpleNamespace(is_whole=False)),
        )
        seen = []

        async def collect() -> None:
            while True:
                seen.append(await upstreams.next_piece(begun, loop.time() + 60))

        with pytest.raises(StreamBroke):
            await collect()
        upstreams.abandon(begun)
        return seen

    seen = asyncio.run(read())

    assert seen[0] == b"one"
    assert set(seen[1:]) == {b": keep-alive\n\n"}
    assert 3 <= len(seen[1:]) <= 8


@pytest.mark.django_db(transaction=True)
def test_a_key_revoked_while_it_is_read_does_not_come_back(
    person: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.queries import personal_organisation

    ada = person("ada")
    key, secret = create_key(personal_organisation(ada), name="k", by=ada)
    directory = Directory()
    has_read, may_go_on = threading.Event(), threading.Event()
    original = state.load_caller

    def slow(digest: str) -> Any:
        caller = original(digest)
        if not has_read.is_set():
            has_read.set()
            may_go_on.wait(5)
        return caller

    monkeypatch.setattr(state, "load_caller", slow)

    async def race() -> Any:
        asking = asyncio.ensure_future(directory.caller(secret))
        await asyncio.to_thread(has_read.wait, 5)
        await asyncio.to_thread(lambda: _quietly(revoke_key, key, by=ada))
        directory.forget_key(key.digest)
        may_go_on.set()
        return await asking

    assert asyncio.run(race()) is None


@pytest.mark.django_db(transaction=True)
def test_copies_outlive_a_database_that_is_away_but_only_for_a_while(
    person: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from accounts.queries import personal_organisation

    ada = person("ada")
    _, secret = create_key(personal_organisation(ada), name="k", by=ada)
    offered_model("tiny")
    directory = Directory()

    async def known() -> Any:
        await directory.offered()
        return await directory.caller(secret)

    caller = asyncio.run(known())

    def away(*_: object) -> Any:
        raise OperationalError

    monkeypatch.setattr(state, "load_caller", away)
    monkeypatch.setattr(state, "load_models", away)
    directory.forget_everything()

    assert asyncio.run(known()) is caller
    assert set(asyncio.run(directory.offered())) == {"tiny"}
    (copy,) = directory.callers.values()
    copy.ends_at = time.monotonic() - state.OUTAGE_SECONDS - 1
    with pytest.raises(Unavailable):
        asyncio.run(directory.caller(secret))


def test_the_lean_client_works_under_the_loop_of_the_server() -> None:
    import uvloop
    from django.conf import settings

    async def ask() -> Any:
        redis = LeanRedis(settings.REDIS_CACHE_URL)
        try:
            return await redis.call("ECHO", "here")
        finally:
            await redis.close()

    assert uvloop.run(ask()) == b"here"
    assert asyncio.run(ask()) == b"here"


@pytest.mark.django_db
def test_usage_written_twice_counts_once(person: Callable[..., Any]) -> None:
    from accounts.queries import personal_organisation

    organisation = personal_organisation(person("ada"))
    event = used(organisation)
    again = Usage(**{name: getattr(event, name) for name in Usage.__dataclass_fields__})

    assert record([again, again]) == set()
    assert UsageEvent.objects.count() == 1
    assert OrganisationMonth.objects.get().price_nano == event.price_nano


@pytest.mark.django_db
def test_a_call_of_which_nothing_was_counted_is_a_free_row_when_it_is_swept(
    person: Callable[..., Any],
) -> None:
    from accounts.queries import personal_organisation

    event = used(personal_organisation(person("ada")))
    kept = {
        name: getattr(event, name)
        for name in ("organisation_id", "key_id", "model", "edition")
    } | {
        "price_version_id": 1,
        "month": "202605",
        "price": [1, 1, 1],
        "cost": [1, 1, 1],
        "tokens_in": 90,
        "tokens_out": 0,
        "is_stream": False,
        "occurred_at": event.occurred_at.isoformat(),
    }
    redis_client().set(prefixed("gw:request:req_lost"), json.dumps(kept))
    redis_client().zadd(prefixed("gw:reservations"), {"req_lost": 1})

    assert sweep(stale_after=0) == 1

    row = UsageEvent.objects.get(pk="req_lost")
    assert (row.status, row.price_nano, row.tokens_in) == ("swept", 0, 0)
    assert sweep(stale_after=0) == 0


def _quietly(function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    from django.db import connection

    try:
        function(*arguments, **named)
    finally:
        connection.close()
