"""A gateway, its Redis or its PostgreSQL goes away in the middle of calls.

After each of them what is written down is what the upstream produced, once, at the
price version of the call, and what is held is nothing.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import redis
from django.db import connection
from django.db.models import Sum

from embedded.redis import EmbeddedRedis
from entitlements.features import Features
from inference.catalog.models import Deployment, PriceVersion
from inference.gateway.sweeping import sweep
from inference.usage.models import OrganisationMonth, UsageEvent, UsageHour
from stores.redis import client as redis_client
from stores.redis import prefixed
from tests.fakes.doorway import Doorway
from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import (
    HELLO,
    Customer,
    Gateway,
    customer,
    offer,
    recorded,
    upstream,
)

__all__ = ["customer", "offer", "upstream"]
pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
Make = Callable[..., Customer]


@pytest.fixture
def own_redis(settings: Any, tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis nobody else is hurt by losing."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        settings.REDIS_URL = settings.REDIS_CACHE_URL = server.url
        redis_client.cache_clear()
        yield server
    redis_client.cache_clear()


@pytest.fixture
def way_to_postgres(transactional_db: None) -> Iterator[Doorway]:
    """The gateway's own way to the database; the test has another."""
    found = connection.settings_dict
    socket = Path(str(found["HOST"])) / f".s.PGSQL.{found['PORT'] or 5432}"
    with Doorway(socket) as doorway:
        yield doorway


@pytest.fixture
def gateway(
    own_redis: EmbeddedRedis, way_to_postgres: Doorway, tmp_path: Path
) -> Iterator[Gateway]:
    port = free_port()
    found = connection.settings_dict
    database = (
        f"postgresql://{found['USER']}:{found['PASSWORD']}"
        f"@127.0.0.1:{way_to_postgres.port}/{found['NAME']}"
    )
    log = tmp_path / "gateway.log"
    command = asgi_command(
        "inference.gateway.alone:application", port, "--workers-kill-timeout", "20"
    )
    environment = product_environment(DATABASE_URL=database)
    with running(command, environment, f"http://127.0.0.1:{port}/", log) as process:
        yield Gateway(f"http://127.0.0.1:{port}/v1", process, log)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a gateway and its workers as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def money_of(who: Customer) -> dict[str, int]:
    """Return what Redis believes of an organisation's month."""
    (name,) = redis_client().keys(prefixed(f"gw:{{{who.organisation.pk}}}:money:*"))
    kept = redis_client().hgetall(name)
    return {key.decode(): int(value) for key, value in kept.items()}


def is_noted() -> bool:
    """Whether Redis holds the exact usage of a call that is not committed yet."""
    requests = redis_client().keys(prefixed("gw:request:*"))
    return any(b'"usage"' in (redis_client().get(name) or b"") for name in requests)


def assert_sums_agree(who: Customer) -> None:
    """Events are priced by their version; hours and month are their sums."""
    events = list(UsageEvent.objects.filter(organisation=who.organisation))
    for event in events:
        version = PriceVersion.objects.get(pk=event.price_version_id)
        used = (event.tokens_in, event.tokens_cached, event.tokens_out)
        assert event.price_nano == version.price_of(*used)
        assert event.cost_nano == version.cost_of(*used)
    price = sum(event.price_nano for event in events)
    month = OrganisationMonth.objects.get(organisation=who.organisation)
    hours = UsageHour.objects.filter(organisation=who.organisation)
    assert (month.requests, month.price_nano) == (len(events), price)
    assert hours.aggregate(sum=Sum("price_nano"))["sum"] == price


def read_slowly(who: Customer, model: str, seen: list[str]) -> threading.Thread:
    """Read a stream in a thread; what ends it is appended to ``seen``."""

    def read() -> None:
        try:
            stream = who.client.chat.completions.create(
                model=model, messages=HELLO, stream=True
            )
            seen.extend("token" for _ in stream)
        except (openai.APIError, httpx.HTTPError) as error:
            seen.append(str(getattr(error, "code", None)))

    thread = threading.Thread(target=read)
    thread.start()
    return thread


@pytest.mark.smoke
def test_the_streams_of_a_killed_gateway_are_settled_once_from_their_last_count(
    gateway: Gateway, customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    ada = customer()
    seen: list[list[str]] = [[], [], []]
    threads = [read_slowly(ada, "slow", tokens) for tokens in seen]
    # Long enough for a heartbeat to have told how far they are.
    wait_for(lambda: all(len(tokens) > 60 for tokens in seen), 30)

    kill(gateway.process)
    for thread in threads:
        thread.join()
    wait_for(lambda: sweep(stale_after=2) == 0 and UsageEvent.objects.count() == 3)

    assert sweep(stale_after=0) == 0
    events = recorded(3)
    assert {(e.status, e.is_estimated) for e in events} == {("swept", True)}
    # And of where they ran.
    place = Deployment.objects.get()
    assert {(e.attempts, e.deployment_id) for e in events} == {(1, place.pk)}
    assert all(e.first_byte_ms is not None for e in events)
    for event in events:
        # No more than was delivered, of at most five bytes a word and 3.5 a token, and
        # at most a heartbeat less.
        most = max(len(tokens) for tokens in seen)
        assert 10 < event.tokens_out <= most * 5 / 3.5
    assert_sums_agree(ada)
    price = sum(event.price_nano for event in events)
    money = money_of(ada)
    assert (money["held"], money["spent"]) == (0, price)
    assert not redis_client().keys(prefixed("gw:request:*"))
    assert not redis_client().keys(prefixed(f"gw:{{{ada.organisation.pk}}}:leases"))


def test_an_answer_whose_gateway_died_before_the_commit_is_settled_exactly(
    gateway: Gateway,
    way_to_postgres: Doorway,
    customer: Make,
    offer: Any,
    upstream: Upstream,
) -> None:
    offer(upstream, "plain")
    ada = customer()
    ada.client.chat.completions.create(model="plain", messages=HELLO)
    recorded()
    way_to_postgres.shut()

    ada.client.chat.completions.create(model="plain", messages=HELLO)
    # The note for the sweeper goes out beside the answer, not before it.
    wait_for(is_noted)
    kill(gateway.process)
    wait_for(lambda: sweep(stale_after=1) == 0 and UsageEvent.objects.count() == 2)

    _, event = recorded(2)
    assert (event.status, event.is_estimated) == ("ok", False)
    assert (event.tokens_in, event.tokens_out) == (9, 3)
    assert_sums_agree(ada)
    assert money_of(ada)["spent"] == 2 * event.price_nano


def test_a_wiped_redis_forgets_neither_the_call_under_way_nor_the_quota(
    gateway: Gateway, customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "pause")
    # One call of 15 000 fits, and the 14 000 that another holds do not beside it.
    ada = customer(features=Features(monthly_allowance_nano=28_000))
    asked: dict[str, Any] = {"model": "pause", "messages": HELLO, "max_tokens": 3}
    stream = ada.client.chat.completions.create(**asked, stream=True)
    chunks = iter(stream)
    next(chunks)

    redis_client().flushall()
    list(chunks)
    (event,) = recorded()
    redis_client().flushall()
    with pytest.raises(openai.RateLimitError) as caught:
        ada.client.chat.completions.create(**asked)

    assert (event.status, event.tokens_in, event.tokens_out) == ("ok", 9, 3)
    assert caught.value.code == "insufficient_quota"
    assert sweep(stale_after=0) == 0
    assert UsageEvent.objects.count() == 1
    assert_sums_agree(ada)
    assert money_of(ada)["spent"] == event.price_nano


def test_without_redis_calls_go_on_the_quota_holds_and_it_recovers_by_itself(
    gateway: Gateway,
    own_redis: EmbeddedRedis,
    customer: Make,
    offer: Any,
    upstream: Upstream,
) -> None:
    offer(upstream, "plain")
    ada = customer(features=Features(monthly_allowance_nano=60_000))
    asked: dict[str, Any] = {"model": "plain", "messages": HELLO, "max_tokens": 3}
    first = ada.post(json=asked)
    recorded()

    own_redis.stop()
    answers = []
    for count in range(4):
        answers.append(ada.post(json=asked, timeout=20))
        # The database knows of it before the next one asks.
        recorded(2 + count if answers[-1].status_code == 200 else 0)
    own_redis.start()
    wait_for(lambda: redis_client().ping())
    redis_refuses = []

    def is_back() -> bool:
        redis_refuses.append(ada.post(json=asked, timeout=20))
        return "x-ratelimit-limit-requests" in redis_refuses[-1].headers

    wait_for(is_back)

    statuses = [answer.status_code for answer in answers]
    assert first.status_code == 200
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert answers[-1].json()["error"]["code"] == "insufficient_quota"
    # What was used without Redis counts with it, too.
    assert redis_refuses[-1].status_code == 429
    assert redis_refuses[-1].json()["error"]["code"] == "insufficient_quota"
    answered = 1 + statuses.count(200)
    assert len(recorded(answered)) == answered
    month = OrganisationMonth.objects.get()
    assert month.price_nano == answered * 15_000 <= 60_000
    assert money_of(ada)["spent"] == month.price_nano
    assert_sums_agree(ada)


def test_without_postgresql_usage_is_kept_and_committed_afterwards(
    gateway: Gateway,
    way_to_postgres: Doorway,
    customer: Make,
    offer: Any,
    upstream: Upstream,
) -> None:
    offer(upstream, "plain")
    ada = customer(features=Features(requests_per_minute=600))
    ada.client.chat.completions.create(model="plain", messages=HELLO)
    recorded()
    answered = 1

    way_to_postgres.shut()
    ended = time.monotonic() + 7
    # Longer than the copies of keys and models are fresh.
    while time.monotonic() < ended:
        ada.client.chat.completions.create(model="plain", messages=HELLO)
        answered += 1
        time.sleep(0.2)
    unknown = customer("ben").post(json={"model": "plain", "messages": HELLO})
    written = UsageEvent.objects.count()
    way_to_postgres.open()

    events = recorded(answered)
    assert written == 1
    assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "1")
    assert len(events) == answered >= 10
    assert {(e.status, e.tokens_in, e.tokens_out) for e in events} == {("ok", 9, 3)}
    assert_sums_agree(ada)
    wait_for(lambda: money_of(ada)["held"] == 0)
    assert money_of(ada)["spent"] == answered * 15_000


def test_a_gateway_told_to_end_tells_its_streams_and_commits(
    gateway: Gateway, customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    ada = customer()
    seen: list[list[str]] = [[], [], []]
    threads = [read_slowly(ada, "slow", tokens) for tokens in seen]
    wait_for(lambda: all(len(tokens) > 5 for tokens in seen), 20)

    told_at = time.monotonic()
    gateway.process.terminate()
    gateway.process.wait(25)
    took = time.monotonic() - told_at
    for thread in threads:
        thread.join()

    assert took < 15
    assert [tokens[-1] for tokens in seen] == ["server_shutdown"] * 3
    events = recorded(3)
    assert {(e.status, e.is_estimated) for e in events} == {("failed_mid_stream", True)}
    # The role, or a last event on its way, may be counted and not read.
    assert all(5 < e.tokens_out <= 200 * 5 / 3.5 for e in events)
    assert_sums_agree(ada)
    assert money_of(ada)["held"] == 0


def test_a_paused_redis_does_not_stop_calls(
    gateway: Gateway,
    own_redis: EmbeddedRedis,
    customer: Make,
    offer: Any,
    upstream: Upstream,
) -> None:
    offer(upstream, "plain")
    ada = customer()
    ada.client.chat.completions.create(model="plain", messages=HELLO)
    recorded()
    assert own_redis.pid

    os.kill(own_redis.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = ada.post(json={"model": "plain", "messages": HELLO}, timeout=20)
        took = time.monotonic() - started
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)

    assert answer.status_code == 200
    assert took < 6
    assert len(recorded(2)) == 2
    assert_sums_agree(ada)


def test_a_redis_that_just_started_gives_the_living_time_to_say_so(
    own_redis: EmbeddedRedis, transactional_db: None
) -> None:
    redis_client().zadd(prefixed("gw:reservations"), {"req_alive": 1})

    assert sweep(stale_after=3600) == 0
    assert redis_client().zcard(prefixed("gw:reservations")) == 1
    assert isinstance(redis_client(), redis.Redis)
