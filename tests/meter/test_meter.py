"""A meter that proves itself: random calls, a fifth of them with a fault.

Over the rows that are not marked, what was charged is what was used, to the billionth;
no call costs more than it held and the one tolerance; nothing stays held.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import aiohttp
import pytest
from django.core.management import call_command
from django.db.models import Sum

from core.crypto import encrypt
from entitlements.features import Features
from inference.catalog import services as catalog
from inference.catalog.services import Rates
from inference.gateway.sweeping import sweep
from inference.usage.models import OrganisationMonth, UsageEvent
from stores.redis import client, prefixed
from tests.fakes.upstream import serving
from tests.inference.gateway.conftest import (
    Customer,
    Gateway,
    customer,
    gateway,
    gateway_process,
)
from tests.meter.calls import Plan, TrueUpstream, plans

__all__ = ["Gateway", "customer", "gateway", "gateway_process"]
pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Customer]
# In billionths for a token, so that sums are readable; none divides another.
PRICE = {"in": 1009, "cached_in": 499, "out": 4001}
RATES = Rates(
    **{f"price_{name}": rate * 10**6 for name, rate in PRICE.items()},
    **{f"cost_{name}": rate * 10**5 for name, rate in PRICE.items()},
)
ROOMY = Features(
    plan="pro",
    requests_per_minute=1_000_000,
    tokens_per_minute=1_000_000_000,
    concurrent_requests=1_000,
    monthly_allowance_nano=10**15,
)
# Its allowance ends in the middle: what is refused is not charged, nor a row.
SCARCE = Features(
    requests_per_minute=1_000_000,
    tokens_per_minute=1_000_000_000,
    concurrent_requests=1_000,
    monthly_allowance_nano=3 * 10**6,
)
AT_ONCE = 24  # as many as keep one gateway on one core busy
# In the template's tokens and a token for each byte sent (decision 14).
TEMPLATE = 2_000


@pytest.fixture
def world() -> Iterator[tuple[dict[int, Plan], TrueUpstream]]:
    known: dict[int, Plan] = {}
    upstream = TrueUpstream(known)
    first, second = (upstream.application(is_second=which) for which in (False, True))
    with serving(first, upstream.port), serving(second, upstream.second):
        yield known, upstream


def offer(upstream: TrueUpstream) -> None:
    """Offer a model at one server, one at two, and one that embeds."""
    places = [
        {
            "provider": "openai",
            "upstream_model": "up",
            "base_url": f"http://127.0.0.1:{port}/v1",
            "priority": priority,
            "credential": encrypt("sk-upstream-key"),
            "first_byte_timeout": 20,
        }
        for priority, port in enumerate((upstream.port, upstream.second))
    ]
    for slug, deployments, able in (
        ("single", places[:1], ["chat", "completions"]),
        ("pair", places, ["chat", "completions"]),
        ("embedder", places[:1], ["embeddings"]),
    ):
        catalog.publish_model(
            slug,
            title=slug,
            edition="open",
            summary="A test model.",
            capabilities=able,
            context_tokens=8_000,
            max_output_tokens=1_000,
            default_output_tokens=100,
            deployments=[dict(each) for each in deployments],
            rates=RATES,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """What a caller saw: nothing, if it left before an answer began."""

    request_id: str = ""
    status: int = 0
    said: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether it was let in at all: the allowance was used up."""
        return self.status in {402, 429} and "allowance is used up" in self.said


async def call(session: aiohttp.ClientSession, who: Customer, plan: Plan) -> Answered:
    key = {
        "authorization": f"Bearer {who.secret}",
        "anthropic-version": "2023-06-01",
        "x-client-request-id": str(plan.number),
    }
    # Who leaves does so before a whole answer and in the middle of a stream.
    patience = 0.15 if plan.fault == "leave" else 60
    seen = Answered()
    try:
        async with asyncio.timeout(patience):
            async with session.post(
                f"{who.url}{plan.road}", json=plan.request, headers=key
            ) as response:
                seen = Answered(response.headers["x-request-id"], response.status)
                seen = replace(seen, said=await response.text())
    except (TimeoutError, aiohttp.ClientError):
        # A stream that broke has no proper end.
        pass
    return seen


async def play(customers: list[Customer], made: list[Plan]) -> dict[int, Answered]:
    answered: dict[int, Answered] = {}
    waiting = iter(made)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for plan in waiting:
                who = customers[plan.number % len(customers)]
                answered[plan.number] = await call(session, who, plan)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answered


def wait_until_settled(seconds: float = 90) -> None:
    """Wait until nothing is held: who left may still be read to the end."""
    deadline = time.monotonic() + seconds
    while client().zcard(prefixed("gw:reservations")):
        assert time.monotonic() < deadline, "something is held"
        sweep()
        time.sleep(0.1)


def true_price(row: UsageEvent, plan: Plan) -> int:
    """Return what a call that is not marked has to cost."""
    if row.status in {"upstream_error", "refused", "timed_out"} or not plan.runs:
        return 0
    if row.status == "client_abort" and row.tokens_in == 0:
        # Gone before a word: whatever was written, nobody has it.
        return 0
    uncached = (plan.prompt - plan.cached) * PRICE["in"]
    return uncached + plan.cached * PRICE["cached_in"] + plan.completion * PRICE["out"]


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(400, id="smoke"),
        pytest.param(
            int(os.environ.get("CALLS", "10000")), marks=pytest.mark.faults, id="all"
        ),
    ],
)
def test_what_is_charged_is_what_was_used(
    customer: Make, world: tuple[dict[int, Plan], TrueUpstream], count: int
) -> None:
    known, upstream = world
    offer(upstream)
    customers = [
        customer("ada", ROOMY),
        customer("ben", ROOMY),
        customer("eve", SCARCE),
    ]
    made = list(plans(count, seed=int(os.environ.get("SEED", "9"))))
    known.update({plan.number: plan for plan in made})

    answered = asyncio.run(play(customers, made))
    wait_until_settled()

    rows = {row.client_request_id: row for row in UsageEvent.objects.all()}
    assert len(rows) == UsageEvent.objects.count()
    charged = true = marked = 0
    for number, each in answered.items():
        plan, row = made[number], rows.pop(str(number), None)
        if row is None:
            # Every call that was let in has one row, and nothing else has any. Who left
            # before the answer never knew whether it was.
            assert each.is_refused or (plan.fault == "leave" and not each.status), plan
            assert plan.runs == []
            continue
        assert not each.is_refused
        assert each.request_id in {"", row.pk}
        most = len(json.dumps(plan.request)) + TEMPLATE
        assert row.price_nano <= row.held_nano + PRICE["in"] * most, plan
        if row.is_estimated:
            marked += 1
            continue
        charged += row.price_nano
        true += true_price(row, plan)
        assert row.price_nano == true_price(row, plan), (plan, row.status)
    assert rows == {}
    assert charged - true == 0
    assert charged > 0
    # What was read exactly is far more than what was not: faults are a fifth.
    assert marked < count * 0.15
    refused = sum(each.is_refused for each in answered.values())
    assert 0 < refused < count / 3
    spent = UsageEvent.objects.aggregate(sum=Sum("price_nano"))["sum"]
    months = OrganisationMonth.objects.aggregate(sum=Sum("price_nano"))["sum"]
    assert months == spent
    call_command("usage", "check")
    call_command("ledger", "check")
