"""Several keys for one model's server: they share the work, and one may die."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.crypto import encrypt
from inference.catalog.models import Deployment
from inference.providers import keyring
from inference.providers.base import UpstreamFailed
from inference.providers.keyring import Keyring, keys_of
from inference.providers.openai import OpenAIProvider
from tests.fakes.compatible import Compatible, running_compatible
from tests.inference.providers.test_openai import an_ask, using


class Clock:
    """Stands in for the module ``time``; goes on when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keyring, "time", clock)
    return clock


@pytest.fixture
def server() -> Iterator[Compatible]:
    with running_compatible(Compatible()) as server:
        yield server


def place(server: Compatible, *keys: str) -> Deployment:
    return Deployment(
        pk=1,
        provider="openai",
        base_url=f"{server.origin}/v1",
        credential=encrypt("\n".join(keys)),
    )


def ask(deployment: Deployment, times: int = 1) -> tuple[list[int], list[int]]:
    """Ask so often; return the statuses, 200 for an answer, and what staff hear."""
    alarms: list[int] = []

    async def work(_unused: OpenAIProvider) -> list[int]:
        provider = OpenAIProvider(lambda _deployment, status: alarms.append(status))
        seen = []
        try:
            for _ in range(times):
                try:
                    await provider.complete(deployment, an_ask())
                    seen.append(200)
                except UpstreamFailed as failure:
                    seen.append(failure.status)
        finally:
            await provider.close()
        return seen

    statuses: list[int] = using(work)
    return statuses, alarms


def test_keys_take_turns(server: Compatible) -> None:
    statuses, alarms = ask(place(server, "one", "two", "three"), times=6)

    assert statuses == [200] * 6
    assert alarms == []
    assert {key: server.keys.count(key) for key in ("one", "two", "three")} == {
        "one": 2,
        "two": 2,
        "three": 2,
    }


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_dead_key_is_passed_over_at_once_and_staff_hear_of_it(
    server: Compatible, status: int
) -> None:
    server.refusals = {"dead": status}

    statuses, alarms = ask(place(server, "dead", "alive"), times=5)

    assert statuses == [200] * 5
    assert alarms == [status]
    # It rests: who is refused once is not asked with every call.
    assert server.keys.count("dead") == 1


def test_a_key_at_its_limit_lets_the_others_work(server: Compatible) -> None:
    server.refusals = {"busy": 429}

    statuses, alarms = ask(place(server, "busy", "free"), times=5)

    assert (statuses, alarms) == ([200] * 5, [])
    assert server.keys.count("busy") == 1


def test_what_every_key_is_refused_with_is_what_the_caller_hears(
    server: Compatible,
) -> None:
    server.refusals = {"one": 403, "two": 403}

    statuses, alarms = ask(place(server, "one", "two"))

    # As likely the request as the keys: no key rests, and nobody is told of keys.
    assert (statuses, alarms) == ([403], [])
    assert len(server.keys) == 2


def test_a_key_that_rests_comes_back(clock: Clock) -> None:
    ring = Keyring("", ("one", "two"))
    ring.rest("one", 1000)

    assert {ring.pick(set()) for _ in range(4)} == {"two"}
    assert ring.is_short
    # Where all of them rest, each is as good as any.
    ring.rest("two", 5)
    assert {ring.pick(set()) for _ in range(4)} == {"one", "two"}
    clock.now += 60
    assert {ring.pick(set()) for _ in range(4)} == {"one", "two"}
    assert not ring.is_short
    assert ring.pick({"one", "two"}) is None


def test_a_secret_is_one_key_or_one_on_each_line() -> None:
    def keys(text: str) -> Any:
        return keys_of(encrypt(text))

    assert keys("sk-one") == ("sk-one",)
    assert keys(" sk-one\n\n sk-two \n") == ("sk-one", "sk-two")
    assert keys_of("") == ()
