"""Which deployment is tried, and which ones are let alone."""

from typing import Any

import pytest

from inference.catalog.models import Deployment
from inference.routing import router as routing
from inference.routing.router import Router, Sighting


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


def test_who_has_least_to_do_is_asked_first_by_weight() -> None:
    router = Router()
    light, heavy = deployment(1, weight=1), deployment(2, weight=3)
    asked = []
    for _ in range(8):
        place = next(router.candidates((light, heavy)))[0]
        asked.append(place.pk)
        router.load[place.pk] = router.load.get(place.pk, 0) + 1

    assert sorted(asked) == [1, 1, 2, 2, 2, 2, 2, 2]


def test_what_begins_alike_goes_to_one_place_while_that_is_not_crowded() -> None:
    router = Router()
    places = tuple(deployment(number) for number in (1, 2, 3))

    def place_of(beginning: bytes, among: tuple[Deployment, ...] = places) -> int:
        return next(router.candidates(among, beginning=beginning))[0].pk

    homes = {b"%d" % number: place_of(b"%d" % number) for number in range(300)}
    again = {name: place_of(name) for name in homes}
    fewer = {name: place_of(name, places[:2]) for name in homes}

    assert again == homes
    assert {list(homes.values()).count(number) > 60 for number in (1, 2, 3)} == {True}
    # A place that goes takes along only what was at home there.
    assert all(fewer[name] == home for name, home in homes.items() if home != 3)
    router.load = {homes[b"7"]: 10}
    assert place_of(b"7") != homes[b"7"]


def test_processes_judge_by_what_all_of_them_saw(clock: Clock) -> None:
    told: list[Sighting] = []
    first, second = Router(told.append), Router()
    only = deployment(1)
    second.succeeded(only, 9)
    for caller in (1, 2, 1, 2):
        first.failed(only, caller, is_certain=False)
    first.succeeded(only, 3)
    first.failed(only, 1, is_certain=False)
    for sighting in told:
        second.hear(sighting)

    # Five failures of seven requests, of two callers: one of the others' was good.
    assert order(second, only) == []
    assert second.health[1].requests == 7

    first.health[1].open_until = 1.0
    clock.now += 6
    told.clear()
    first.succeeded(only, 3)
    for sighting in told:
        second.hear(sighting)
    assert len(order(second, only)) == 3


def test_a_look_mends_what_was_certain_and_nothing_else(clock: Clock) -> None:
    router, only = Router(), deployment(1)
    for _ in range(3):
        router.unreached(only, is_certain=False)
    assert order(router, only) == []
    router.reached(only)
    assert len(order(router, only)) == 3

    # A key that is refused to us is refused to all.
    router.unreached(only, is_certain=True)
    assert order(router, only) == []
    router.reached(only)

    # That a server lists its models says nothing of whether they answer.
    for caller in (1, 2, 3, 4, 5):
        router.failed(only, caller, is_certain=False)
    router.reached(only)
    assert order(router, only) == []
