"""Budgets at the door: of an organisation and of a member, to the last billionth."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import openai
import pytest

from accounts.queries import personal_organisation
from inference.budgets.models import Budget
from inference.budgets.services import set_budget
from inference.directory.callers import Caller, KeyRules
from inference.directory.loading import load_caller
from inference.gateway.sweeping import sweep
from inference.keys.services import create_project, set_key_rules, set_project
from inference.limits.reservations import ADMIT
from inference.protocol.metering import Tokens
from stores.redis import client, prefixed
from tests.factories.inference import key_of, used
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer
from tests.inference.gateway.exchanges import caller
from tests.inference.gateway.test_admission import (
    HOLD,
    WIDE,
    Door,
    at_the_door,
    money,
    refused,
    without_redis,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
RICH = replace(WIDE, monthly_allowance_nano=1_000 * HOLD)


def held_to(*, key_id: int = 5, **rules: Any) -> Caller:
    return caller(RICH, key_id=key_id, rules=KeyRules(**rules))


def test_of_fifty_at_once_a_budget_for_seven_lets_in_seven() -> None:
    async def spend(door: Door) -> None:
        who = held_to(organisation_limit_nano=7 * HOLD)
        assert await door.entered(who, 50) == 7
        with refused("insufficient_quota", "of the organisation is used up.*/budgets/"):
            await door.enter(who)

        less = replace(held_to(organisation_limit_nano=7 * HOLD - 1), organisation_id=2)
        assert await door.entered(less, 50) == 6

    at_the_door(spend)


def test_the_keys_of_a_member_share_a_budget_and_others_do_not() -> None:
    async def spend(door: Door) -> None:
        one = held_to(member_id=3, member_limit_nano=2 * HOLD)
        two = replace(one, key_id=6)
        first = await door.enter(one)
        await door.enter(two)
        for who in (one, two):
            with refused(
                "insufficient_quota", "the member whose key this is.*/budgets"
            ):
                await door.enter(who)
        await door.enter(held_to(key_id=7, member_id=4))
        assert money(first)["hm:3"] == 2 * HOLD

        price = await door.leave(first, Tokens(1, 0, 1))
        assert money(first)["m:3"] == price
        assert money(first)["hm:3"] == HOLD
        with refused("insufficient_quota"):
            await door.enter(two)
        more = held_to(member_id=3, member_limit_nano=2 * HOLD + price)
        await door.enter(more)

    at_the_door(spend)


def test_a_budget_that_is_set_later_counts_what_runs_and_what_was_used(
    person: Callable[..., Any],
) -> None:
    owner = person("ada")
    organisation = personal_organisation(owner)
    key = key_of(organisation, owner)
    used(organisation, key, price_nano=HOLD)
    used(organisation, key_of(organisation, owner), price_nano=HOLD)
    free = caller(
        RICH,
        organisation_id=organisation.pk,
        key_id=key.pk,
        rules=KeyRules(member_id=owner.pk),
    )

    async def spend(door: Door) -> None:
        await door.enter(free)
        for limit, times in ((3 * HOLD, 0), (5 * HOLD, 2)):
            bound = replace(free, rules=replace(free.rules, member_limit_nano=limit))
            assert await door.entered(bound, 9) == times

    at_the_door(spend)


def test_budgets_cost_no_round_trip_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def spend(door: Door) -> None:
        run = door.admission.redis.run

        async def counted(script: Any, *given: Any) -> Any:
            asked.append(script)
            return await run(script, *given)

        monkeypatch.setattr(door.admission.redis, "run", counted)
        who = held_to(
            member_id=3, member_limit_nano=9 * HOLD, organisation_limit_nano=9 * HOLD
        )
        await door.enter(who)
        asked.clear()
        await door.enter(who)

    at_the_door(spend)
    assert asked == [ADMIT]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"organisation_limit_nano": 2 * HOLD}, "the organisation"),
        ({"member_id": 3, "member_limit_nano": 2 * HOLD}, "the member"),
    ],
)
def test_budgets_hold_without_redis(rules: dict[str, Any], words: str) -> None:
    async def spend(door: Door) -> None:
        who = held_to(**rules)
        assert await door.entered(who, 5) == 2
        with refused("insufficient_quota", words):
            await door.enter(who)

    at_the_door(spend, without_redis())


def test_what_a_killed_gateway_held_of_a_member_is_given_back(
    person: Callable[..., Any],
) -> None:
    owner = person("ada")
    organisation = personal_organisation(owner)
    key = key_of(organisation, owner)
    who = caller(
        RICH,
        organisation_id=organisation.pk,
        key_id=key.pk,
        rules=KeyRules(member_id=owner.pk, member_limit_nano=9 * HOLD),
    )

    async def enter(door: Door) -> Any:
        return await door.enter(who)

    exchange = at_the_door(enter)
    assert money(exchange)[f"hm:{owner.pk}"] == HOLD
    client().zadd(prefixed("gw:reservations"), {exchange.request_id: 1})

    sweep(stale_after=0)

    assert money(exchange)[f"hm:{owner.pk}"] == 0


def test_only_budgets_that_refuse_are_read_for_the_door(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    organisation = personal_organisation(ada)
    project = create_project(organisation, name="A", monthly_limit_nano=9, by=ada)
    key = key_of(organisation, ada, project=project, monthly_limit_nano=7)
    own = Budget.objects.create(organisation=organisation, limit_nano=5)
    member = Budget.objects.create(organisation=organisation, member=ada, limit_nano=3)

    def limits() -> tuple[int | None, ...]:
        read = load_caller(key.digest)
        assert read is not None
        rules = read.rules
        return (
            rules.organisation_limit_nano,
            rules.project_limit_nano,
            read.monthly_limit_nano,
            rules.member_limit_nano,
        )

    assert limits() == (5, 9, 7, 3)
    Budget.objects.filter(pk__in=[own.pk, member.pk]).update(is_hard=False)
    set_key_rules(key, by=ada, is_limit_hard=False)
    set_project(project, name="A", monthly_limit_nano=9, is_limit_hard=False, by=ada)
    assert limits() == (None, None, None, None)


def test_a_budget_shuts_the_door_within_a_second_and_opens_it_again(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()

    def calls() -> bool:
        try:
            ada.client.chat.completions.create(
                model="plain", messages=HELLO, max_tokens=5
            )
        except openai.RateLimitError as error:
            said.append(error)
            return False
        return True

    said: list[openai.RateLimitError] = []
    assert calls()

    def limit_to(nano: int | None) -> None:
        set_budget(
            ada.organisation, "member:ada", limit_nano=nano, is_hard=True, by=ada.user
        )

    limit_to(1)
    # A copy would be used for five seconds.
    wait_for(lambda: not calls(), seconds=1)
    assert said[-1].code == "insufficient_quota"
    assert "/console/" in said[-1].message
    assert "/budgets/" in said[-1].message
    limit_to(None)
    wait_for(calls, seconds=1)
