"""Usage that is written twice, and calls a killed gateway left behind."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from inference.catalog.models import Deployment
from inference.gateway.admission import record_of
from inference.gateway.sweeping import sweep
from inference.usage.models import OrganisationMonth, UsageEvent
from inference.usage.recording import Usage, record
from stores.redis import client as redis_client
from stores.redis import prefixed
from tests.factories.inference import used
from tests.inference.gateway.exchanges import MODEL, admitted


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


@pytest.fixture
def reservation(person: Callable[..., Any]) -> Callable[..., UsageEvent]:
    """Return a function that leaves a reservation behind, as a killed gateway does."""
    from accounts.queries import personal_organisation

    event = used(personal_organisation(person("ada")))

    def leave(request_id: str, *, silent_for: float = 60, **fields: Any) -> UsageEvent:
        kept = {
            "organisation_id": event.organisation_id,
            "key_id": event.key_id,
            "model": "tiny",
            "edition": "open",
            "price_version_id": 1,
            "month": "202605",
            "price": [1_000_000_000, 500_000_000, 2_000_000_000],
            "cost": [500_000_000, 250_000_000, 1_000_000_000],
            "tokens_in": 90,
            "tokens_out": 7,
            "is_stream": True,
            "occurred_at": event.occurred_at.isoformat(),
        }
        name = f"gw:{{{event.organisation_id}}}:money:202605"
        redis = redis_client()
        redis.hset(prefixed(name), f"r:{request_id}", 500)
        redis.hincrby(prefixed(name), "held", 500)
        redis.hset(prefixed(name), "spent", 10)
        redis.set(prefixed(f"gw:request:{request_id}"), json.dumps(kept | fields))
        now = redis.time()[0]
        redis.zadd(prefixed("gw:reservations"), {request_id: now - silent_for})
        return event

    return leave


def money_of(organisation_id: int) -> dict[str, int]:
    kept = redis_client().hgetall(prefixed(f"gw:{{{organisation_id}}}:money:202605"))
    return {name.decode(): int(value) for name, value in kept.items()}


@pytest.fixture
def long_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' Redis is younger than what is swept."""
    real = redis_client().info
    monkeypatch.setattr(
        redis_client(),
        "info",
        lambda section: {**real(section), "uptime_in_seconds": 90},
    )


@pytest.mark.django_db
def test_what_a_killed_gateway_reported_is_billed_rounded_up_and_given_back(
    reservation: Callable[..., UsageEvent], long_up: None
) -> None:
    event = reservation("req_lost", price=[1, 1, 1], cost=[10_309, 0, 0])

    assert sweep() == 1

    row = UsageEvent.objects.get(pk="req_lost")
    assert (row.status, row.is_estimated) == ("swept", True)
    assert (row.tokens_in, row.tokens_out) == (90, 7)
    # Less than a billionth is one; 0.927 of one is one.
    assert (row.price_nano, row.cost_nano) == (1, 1)
    assert money_of(event.organisation_id) == {"held": 0, "spent": 11, "hk:None": -500}
    assert redis_client().keys(prefixed("gw:request:*")) == []


@pytest.mark.django_db
def test_who_was_silent_for_less_than_the_time_lives(
    reservation: Callable[..., UsageEvent], long_up: None
) -> None:
    reservation("req_late", silent_for=30)
    reservation("req_live", silent_for=27)

    assert sweep() == 1

    assert not UsageEvent.objects.filter(pk="req_live").exists()
    assert redis_client().zscore(prefixed("gw:reservations"), "req_live")


@pytest.mark.django_db
def test_a_redis_that_is_just_up_is_swept_later(
    reservation: Callable[..., UsageEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    reservation("req_lost")
    uptime = {"uptime_in_seconds": 29}
    monkeypatch.setattr(redis_client(), "info", lambda _section: uptime)

    assert sweep() == 0
    uptime["uptime_in_seconds"] = 30
    assert sweep() == 1


@pytest.mark.django_db
def test_what_was_committed_before_the_kill_counts_as_it_was_written(
    reservation: Callable[..., UsageEvent], long_up: None
) -> None:
    event = reservation("req_lost")
    committed = used(event.organisation, request_id="req_lost", price_nano=3)

    assert sweep() == 1

    assert UsageEvent.objects.get(pk="req_lost").status == committed.status
    assert money_of(event.organisation_id)["spent"] == 13


@pytest.mark.django_db
def test_what_had_ended_is_written_exactly_as_it_ended(
    reservation: Callable[..., UsageEvent], long_up: None
) -> None:
    event = reservation("req_other")
    final = {name: getattr(event, name) for name in Usage.__dataclass_fields__}
    final |= {
        "request_id": "req_lost",
        "occurred_at": event.occurred_at.isoformat(),
        "price_nano": 123,
        "status": "ok",
    }
    reservation("req_lost", usage=final)

    assert sweep() == 2

    row = UsageEvent.objects.get(pk="req_lost")
    assert (row.price_nano, row.status, row.is_estimated) == (123, "ok", False)


@pytest.mark.django_db
def test_a_reservation_nothing_is_known_of_is_forgotten(
    reservation: Callable[..., UsageEvent], long_up: None
) -> None:
    reservation("req_lost")
    redis_client().delete(prefixed("gw:request:req_lost"))

    assert sweep() == 1

    assert not UsageEvent.objects.filter(pk="req_lost").exists()
    assert sweep() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("tokens_out", [0, 7])
def test_what_is_known_of_a_call_that_ran_is_in_its_row(
    reservation: Callable[..., UsageEvent], long_up: None, tokens_out: int
) -> None:
    other = replace(MODEL, slug="other", cost=(3_000_000_000, 0, 5_000_000_000))
    exchange = admitted()

    async def run() -> None:
        exchange.run_at(MODEL.deployments[0])
        exchange.record_failure("upstream_error", has_run=True, upstream_status=204)
        exchange.run_as(other)
        exchange.run_at(Deployment(pk=9, provider="openai", base_url="http://y"))
        exchange.record_first_byte()
        exchange.record_tokens(tokens_out)

    asyncio.run(run())
    ran = orjson.loads(orjson.dumps(record_of(exchange)))
    mine = ("organisation_id", "key_id", "month", "occurred_at")
    reservation("req_lost", **{name: ran[name] for name in ran if name not in mine})

    assert sweep() == 1

    row = UsageEvent.objects.get(pk="req_lost")
    prompt = exchange.bounds.estimated_in
    assert (row.status, row.is_estimated) == ("swept", True)
    assert (row.attempts, row.deployment_id, row.upstream_status) == (2, 9, 204)
    assert row.first_byte_ms == exchange.first_byte_ms is not None
    # Sold at the price of the model that was asked; nothing where no word came.
    assert row.tokens_in == (prompt if tokens_out else 0)
    assert row.price_nano == row.tokens_in * 1_000 + tokens_out * 2_000
    assert row.answered_by == ("other" if tokens_out else "")
    # The prompt was read in both places, and what the second wrote cost its own.
    assert row.cost_nano == prompt * 500 + prompt * 3_000 + tokens_out * 5_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("spoiled", "stays"),
    [
        # Its organisation was deleted meanwhile.
        ({"organisation_id": 999_999_999}, False),
        # A gateway of the release to come wrote it.
        ({"usage": {"occurred_at": "2026-05-01T10:00:00+00:00", "new": 1}}, True),
    ],
    ids=["refused", "unreadable"],
)
def test_one_that_cannot_be_written_down_holds_up_no_other(
    reservation: Callable[..., UsageEvent],
    long_up: None,
    spoiled: dict[str, Any],
    stays: bool,
) -> None:
    reservation("req_first", silent_for=90, **spoiled)
    event = reservation("req_second")

    assert sweep() == 2

    swept = UsageEvent.objects.exclude(pk=event.pk).values_list("pk", flat=True)
    assert list(swept) == ["req_second"]
    left = redis_client().zrange(prefixed("gw:reservations"), 0, -1)
    assert left == ([b"req_first"] if stays else [])
