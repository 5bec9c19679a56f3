"""How deployments are told to be, and whose requests are poisonous."""

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from accounts.queries import personal_organisation
from inference.catalog.models import Deployment
from inference.operating import services
from inference.operating.queries import (
    Poison,
    health_of,
    places,
    poisons,
    troubled,
)
from inference.routing.notes import CircuitNote, circuit_key
from stores.redis import client
from tests.factories.inference import key_of, offered_model, used

pytestmark = pytest.mark.django_db


def noted(place: Deployment, **fields: Any) -> None:
    """Write what a gateway saw of a deployment."""
    now = time.time()
    note = CircuitNote(
        **{
            "why": "failures",
            "opened_at": now - 60,
            "open_until": now + 60,
            "callers": (),
            "requests": 6,
            "failures": 4,
            **fields,
        }
    )
    client().set(circuit_key(place.pk), orjson.dumps(asdict(note)))


def state_of(place: Deployment) -> str:
    lines, is_known = health_of(places().filter(pk=place.pk))
    assert is_known
    return lines[0].state


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "open"),
        ({"why": "limited"}, "limited"),
        ({"open_until": 1.0}, "probing"),
    ],
)
def test_a_note_says_how_a_deployment_is(fields: dict[str, Any], state: str) -> None:
    place = offered_model("tiny").deployments.get()
    assert state_of(place) == "closed"

    noted(place, **fields)

    assert state_of(place) == state


def test_what_staff_did_goes_before_what_gateways_saw(
    person: Callable[..., Any],
) -> None:
    place = offered_model("tiny").deployments.get()
    noted(place)
    services.pause_deployment(place, reason="Driver", by=person("ada"))

    assert state_of(place) == "paused"


def test_who_met_it_is_named(person: Callable[..., Any]) -> None:
    place = offered_model("tiny").deployments.get()
    met = personal_organisation(person("ada"))
    noted(place, callers=(met.pk, 999_999))

    lines, _known = health_of(places())

    assert lines[0].callers == (met.name,)


def test_only_what_is_let_alone_is_in_trouble(person: Callable[..., Any]) -> None:
    fine, seen, paused = (
        offered_model(slug).deployments.get() for slug in ("fine", "seen", "paused")
    )
    noted(seen)
    services.pause_deployment(paused, reason="x", by=person("ada"))

    assert [place.pk for place in troubled()] == [paused.pk, seen.pk]
    assert fine in places()


def test_more_deployments_ask_no_more_queries(
    person: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    met = personal_organisation(person("ada"))
    for number in range(8):
        noted(offered_model(f"m{number}").deployments.get(), callers=(met.pk,))

    with django_assert_num_queries(2):
        lines, _known = health_of(places())

    assert len(lines) == 8


@pytest.fixture
def call(person: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that writes calls of somebody's key."""
    keys: dict[str, Any] = {}

    def make(name: str, count: int, status: str = "ok", **fields: Any) -> None:
        if name not in keys:
            user = person(name)
            organisation = personal_organisation(user)
            keys[name] = (organisation, key_of(organisation, user, name=name))
        for _ in range(count):
            used(*keys[name], status=status, **fields)

    return make


def names(found: list[Poison]) -> list[str]:
    return [each.key for each in found]


def test_who_fails_where_others_do_not_is_found(call: Callable[..., None]) -> None:
    call("ada", 6, "upstream_error", upstream_status=500)
    call("ada", 4)
    call("bo", 40)

    (found,) = poisons()

    assert (found.key, found.model) == ("ada", "tiny")
    assert (found.calls, found.failures) == (10, 6)
    assert (found.others, found.others_failures) == (40, 0)
    assert found.upstream_status == 500


def test_a_server_that_fails_everybody_is_nobodys_poison(
    call: Callable[..., None],
) -> None:
    for name in ("ada", "bo"):
        call(name, 6, "upstream_error")

    assert poisons() == []


@pytest.mark.parametrize(
    ("failures", "successes", "expected"),
    [(5, 5, ["ada"]), (4, 0, []), (5, 6, [])],
)
def test_five_failures_and_half_of_the_calls_are_the_least(
    call: Callable[..., None], failures: int, successes: int, expected: list[str]
) -> None:
    call("ada", failures, "timed_out")
    call("ada", successes)
    call("bo", 20)

    assert names(poisons()) == expected


@pytest.mark.parametrize(("others_failures", "expected"), [(2, ["ada"]), (3, [])])
def test_a_tenth_of_everybody_elses_calls_may_fail(
    call: Callable[..., None], others_failures: int, expected: list[str]
) -> None:
    call("ada", 6, "upstream_error")
    call("bo", others_failures, "upstream_error")
    call("bo", 20 - others_failures)

    assert names(poisons()) == expected


def test_what_a_caller_broke_off_or_a_day_ago_counts_not(
    call: Callable[..., None],
) -> None:
    call("ada", 6, "client_abort")
    call("bo", 6, "upstream_error", at=timezone.now() - timedelta(hours=25))

    assert poisons() == []
