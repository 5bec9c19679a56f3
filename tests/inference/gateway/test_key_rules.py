"""What a key's owner holds it to: each rule refuses, and says which one it was."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx
import orjson
import pytest

from accounts.queries import personal_organisation
from entitlements.features import Features
from inference.directory.callers import KeyRules
from inference.directory.spent import load_spent
from inference.gateway.admission import keys_of
from inference.gateway.sweeping import sweep
from inference.keys import services
from inference.keys.models import Project
from inference.protocol.metering import Tokens
from stores.redis import client, prefixed
from tests.factories.inference import key_of, used
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer, Gateway
from tests.inference.gateway.exchanges import caller
from tests.inference.gateway.test_admission import (
    HOLD,
    TOKENS,
    WIDE,
    Door,
    at_the_door,
    money,
    refused,
    without_redis,
)

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Customer]
BODY: dict[str, Any] = {"model": "plain", "messages": HELLO}
RICH = replace(WIDE, monthly_allowance_nano=1_000 * HOLD)


def held_to(features: Features = RICH, **rules: Any) -> Any:
    return caller(features, rules=KeyRules(**rules))


def test_a_key_has_requests_of_its_own_and_others_have_theirs() -> None:
    async def knock(door: Door) -> None:
        mine = held_to(requests_per_minute=2)
        first = await door.enter(mine)
        assert first.limit_headers["x-ratelimit-limit-requests"] == "2"
        assert first.limit_headers["x-ratelimit-remaining-requests"] == "1"
        await door.enter(mine)
        with refused("rate_limit_exceeded", "this API key allows 2 requests") as seen:
            await door.enter(mine)
        assert 29_000 < int(seen[0].headers["retry-after-ms"]) <= 30_000
        assert seen[0].headers["x-ratelimit-remaining-requests"] == "0"

        # What was refused counts nowhere, and another key of the same has its own.
        other = await door.enter(replace(mine, key_id=6))
        assert other.limit_headers["x-ratelimit-remaining-requests"] == "1"

    at_the_door(knock)


def test_a_key_has_tokens_of_its_own() -> None:
    async def knock(door: Door) -> None:
        mine = held_to(tokens_per_minute=2 * TOKENS)
        first = await door.enter(mine)
        assert first.limit_headers["x-ratelimit-remaining-tokens"] == str(TOKENS)
        await door.enter(mine)
        with refused("rate_limit_exceeded", "this API key allows .* tokens per minute"):
            await door.enter(mine)
        await door.enter(replace(mine, key_id=6))

    at_the_door(knock)


def test_a_plan_that_is_narrower_than_its_key_holds() -> None:
    async def knock(door: Door) -> None:
        mine = held_to(replace(RICH, requests_per_minute=1), requests_per_minute=9)
        first = await door.enter(mine)
        assert first.limit_headers["x-ratelimit-limit-requests"] == "1"
        with refused("rate_limit_exceeded", "your plan allows 1 requests"):
            await door.enter(mine)

    at_the_door(knock)


def test_so_many_of_a_key_run_at_once_whatever_became_of_the_others() -> None:
    async def crowd(door: Door) -> None:
        mine = held_to(concurrent_requests=3)
        running = [await door.enter(mine) for _ in range(3)]
        with refused("rate_limit_exceeded", "this API key allows 3 requests at the"):
            await door.enter(mine)
        await door.enter(replace(mine, key_id=6))

        await door.leave(running[0], Tokens(0, 0, 0))
        await door.enter(mine)
        # One whose gateway was killed: its lease ends, and nobody says so.
        client().zrem(keys_of(running[1])[1], running[1].request_id)
        await door.enter(mine)
        with refused("rate_limit_exceeded"):
            await door.enter(mine)

    at_the_door(crowd)


def test_a_budget_of_a_key_is_named_as_such() -> None:
    async def spend(door: Door) -> None:
        mine = caller(RICH, monthly_limit_nano=HOLD)
        await door.enter(mine)
        with refused("insufficient_quota", "monthly limit of this API key") as seen:
            await door.enter(mine)
        assert seen[0].headers["x-should-retry"] == "false"

    at_the_door(spend)


def test_the_keys_of_a_project_share_its_budget_to_the_billionth() -> None:
    async def spend(door: Door) -> None:
        rules: dict[str, Any] = {"project_id": 3, "project_name": "Website"}
        one = held_to(**rules, project_limit_nano=2 * HOLD)
        two = replace(one, key_id=6)
        first = await door.enter(one)
        await door.enter(two)
        for who in (one, two):
            with refused("insufficient_quota", "project “Website” is used up"):
                await door.enter(who)
        await door.enter(held_to())
        assert money(first)["hp:3"] == 2 * HOLD

        price = await door.leave(first, Tokens(1, 0, 1))
        assert money(first)["p:3"] == price
        assert money(first)["hp:3"] == HOLD
        with refused("insufficient_quota"):
            await door.enter(two)

    at_the_door(spend)


def test_a_budget_counts_what_was_used_before_redis_knew(
    person: Callable[..., Any],
) -> None:
    owner = person("ada")
    organisation = personal_organisation(owner)
    project = services.create_project(
        organisation, name="A", monthly_limit_nano=1, by=owner
    )
    mine, other = (
        key_of(organisation, owner, project=project),
        key_of(organisation, owner),
    )
    used(organisation, mine, price_nano=70)
    used(organisation, other, price_nano=30)

    assert load_spent(organisation.pk, mine.pk, project.pk) == (100, 70, 70, 0)
    assert load_spent(organisation.pk, other.pk, None, owner.pk) == (100, 30, 0, 100)


def test_what_a_killed_gateway_held_of_a_project_is_given_back(
    person: Callable[..., Any],
) -> None:
    owner = person("ada")
    organisation = personal_organisation(owner)
    project = services.create_project(
        organisation, name="A", monthly_limit_nano=9 * HOLD, by=owner
    )
    key = key_of(organisation, owner, project=project)

    async def leave_behind(door: Door) -> Any:
        who = caller(
            RICH,
            organisation_id=organisation.pk,
            key_id=key.pk,
            rules=KeyRules(project_id=project.pk, project_limit_nano=9 * HOLD),
        )
        return await door.enter(who)

    exchange = at_the_door(leave_behind)
    client().zadd(prefixed("gw:reservations"), {exchange.request_id: 1})
    assert sweep(stale_after=0) == 1

    assert money(exchange)[f"hp:{project.pk}"] == 0


def test_without_redis_a_share_of_each_rule_holds() -> None:
    async def knock(door: Door) -> None:
        requests = held_to(requests_per_minute=8)
        assert await door.entered(requests, 4) == 2
        tokens = held_to(tokens_per_minute=4 * TOKENS)
        assert await door.entered(replace(tokens, key_id=6), 4) == 1
        running = held_to(concurrent_requests=8)
        assert await door.entered(replace(running, key_id=7), 4) == 2
        budget = caller(RICH, key_id=8, monthly_limit_nano=HOLD)
        assert await door.entered(budget, 4) == 1
        project = held_to(project_id=3, project_limit_nano=HOLD)
        assert await door.entered(replace(project, key_id=9), 4) == 1

    at_the_door(knock, without_redis())


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("10.1.2.3", True),
        ("2001:db8::7", True),
        ("11.1.2.3", False),
        ("2001:db9::7", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_a_key_is_bound_to_its_networks(address: str, is_let_in: bool) -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))

    assert held_to(networks=networks).may_call_from(address) == is_let_in
    assert held_to().may_call_from(address)


def test_a_call_from_elsewhere_is_refused_before_it_costs(
    customer: Make, offer: Any, upstream: Upstream, address: str
) -> None:
    offer(upstream, "plain")
    ada = customer(networks=["10.0.0.0/8"])

    inside = ada.post(json=BODY, headers={"x-forwarded-for": address})
    outside = ada.post(json=BODY, headers={"x-forwarded-for": "198.51.100.4"})

    assert inside.status_code == 200
    assert outside.status_code == 403
    assert outside.json()["error"]["code"] == "address_not_allowed"
    assert "198.51.100.4" in outside.json()["error"]["message"]
    assert len(upstream.requests) == 1


def test_a_key_is_only_for_its_scopes(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer(scopes=["models:read"])
    headers = {"authorization": f"Bearer {ada.secret}"}

    refusals = [
        ada.post(json=BODY),
        ada.post("/messages", json={**BODY, "max_tokens": 5}),
    ]
    assert httpx.get(f"{ada.url}/models", headers=headers).status_code == 200
    services.set_key_rules(ada.key, by=ada.user, scopes=["inference"])
    assert ada.post(json=BODY).status_code == 200
    listed = httpx.get(f"{ada.url}/models", headers=headers)

    assert [each.status_code for each in refusals] == [403, 403]
    assert refusals[0].json()["error"]["code"] == "missing_scope"
    assert refusals[1].json()["error"]["type"] == "permission_error"
    assert "`inference`" in refusals[1].json()["error"]["message"]
    assert listed.status_code == 403


def test_pages_of_named_origins_may_read_the_answer_and_others_pay_nothing(
    customer: Make, gateway: Gateway, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer(origins=["https://app.example"])

    asked = httpx.options(
        f"{gateway.url}/chat/completions",
        headers={
            "origin": "https://app.example",
            "access-control-request-method": "POST",
        },
    )
    mine = ada.post(json=BODY, headers={"origin": "https://app.example"})
    wrong = ada.post(json={}, headers={"origin": "https://app.example"})
    other = ada.post(json=BODY, headers={"origin": "https://evil.example"})
    none = ada.post(json=BODY)

    assert asked.status_code == 204
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert mine.status_code == 200
    assert mine.headers["access-control-allow-origin"] == "https://app.example"
    assert mine.headers["vary"] == "origin"
    # A refusal can be read too, or nobody would know why.
    assert wrong.status_code == 400
    assert wrong.headers["access-control-allow-origin"] == "https://app.example"
    assert other.status_code == 403
    assert other.json()["error"]["code"] == "origin_not_allowed"
    assert none.status_code == 200
    assert len(upstream.requests) == 2


def test_a_key_without_origins_answers_no_page(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()

    answer = ada.post(json=BODY, headers={"origin": "app://desktop"})

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_a_limit_is_in_force_from_the_next_call_and_told_on_every_road(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()
    assert ada.post(json=BODY).status_code == 200

    services.set_key_rules(ada.key, by=ada.user, requests_per_minute=1)
    assert ada.post(json=BODY).status_code == 200
    chat = ada.post(json=BODY)
    message = ada.post("/messages", json={**BODY, "max_tokens": 5})
    response = ada.post("/responses", json={"model": "plain", "input": "hi"})

    assert [each.status_code for each in (chat, message, response)] == [429] * 3
    for said in (chat, message, response):
        assert "this API key allows 1 requests" in said.json()["error"]["message"]
        assert int(said.headers["retry-after"]) > 0
    assert message.json()["error"]["type"] == "rate_limit_error"


def test_a_budget_used_up_is_told_on_every_road(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()
    project = services.create_project(
        ada.organisation, name="Site", monthly_limit_nano=1, by=ada.user
    )
    services.set_key_rules(ada.key, by=ada.user, project=project)

    chat = ada.post(json=BODY)
    message = ada.post("/messages", json={**BODY, "max_tokens": 5})

    assert (chat.status_code, message.status_code) == (429, 402)
    assert chat.json()["error"]["code"] == "insufficient_quota"
    assert "project “Site”" in chat.json()["error"]["message"]
    assert message.json()["error"]["type"] == "billing_error"

    services.set_project(
        Project.objects.get(), name="Site", monthly_limit_nano=10**9, by=ada.user
    )
    assert ada.post(json=BODY).status_code == 200
    assert orjson.loads(ada.post(json=BODY).content)["object"] == "chat.completion"
