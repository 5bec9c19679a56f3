"""Credit at the door: calls go on beyond the allowance, to the last billionth of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import openai
import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from accounts.queries import personal_organisation
from billing.credits.services import withdraw_credit
from billing.overage.services import set_cap
from entitlements.credit import NO_CREDIT, Credit
from entitlements.features import Features
from entitlements.models import CreditLine
from entitlements.services import replace_for, set_credit
from inference.directory.loading import load_caller
from inference.keys.models import ApiKey
from inference.limits.reservations import ADMIT
from tests.factories.credits import credit_of
from tests.factories.inference import key_of, used
from tests.factories.overage import charged
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer
from tests.inference.gateway.exchanges import caller
from tests.inference.gateway.test_admission import (
    HOLD,
    Door,
    at_the_door,
    features,
    refused,
    without_redis,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
NOTHING_INCLUDED = features(monthly_allowance_nano=0)


def this_month() -> str:
    return f"{timezone.now():%Y%m}"


def credit(remaining: int, **fields: Any) -> Credit:
    return Credit(month=this_month(), remaining_nano=remaining, **fields)


def test_of_fifty_calls_at_once_credit_for_ten_lets_in_ten() -> None:
    async def spend(door: Door) -> None:
        who = caller(NOTHING_INCLUDED, credit=credit(10 * HOLD))
        assert await door.entered(who, 50) == 10

        other = caller(
            NOTHING_INCLUDED, organisation_id=2, credit=credit(10 * HOLD - 1)
        )
        assert await door.entered(other, 50) == 9

    at_the_door(spend)


def test_what_was_drawn_and_what_is_left_are_one_limit() -> None:
    async def spend(door: Door) -> None:
        before = caller(NOTHING_INCLUDED, credit=credit(2 * HOLD))
        await door.enter(before)
        # Billing has drawn for it meanwhile; nothing has become free or dearer.
        after = replace(before, credit=credit(HOLD, settled_nano=HOLD))
        await door.enter(after)
        with refused("insufficient_quota", "no credit is left"):
            await door.enter(after)
        with refused("insufficient_quota"):
            await door.enter(before)

    at_the_door(spend)


def test_credit_of_another_month_is_what_is_left_of_it() -> None:
    earlier = Credit(month="200001", settled_nano=9 * HOLD, remaining_nano=HOLD)

    async def spend(door: Door) -> None:
        assert await door.entered(caller(NOTHING_INCLUDED, credit=earlier), 5) == 1

    at_the_door(spend)


def test_credit_counts_without_redis_as_with_it() -> None:
    async def spend(door: Door) -> None:
        # A quarter of the limits by the minute is given without Redis, all the money.
        who = caller(NOTHING_INCLUDED, credit=credit(3 * HOLD))
        assert await door.entered(who, 5) == 3

    at_the_door(spend, without_redis())


def test_a_call_costs_no_round_trip_more_with_credit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def spend(door: Door) -> None:
        run = door.admission.redis.run

        async def counted(script: Any, *given: Any) -> Any:
            asked.append(script)
            return await run(script, *given)

        monkeypatch.setattr(door.admission.redis, "run", counted)
        who = caller(NOTHING_INCLUDED, credit=credit(9 * HOLD))
        await door.enter(who)
        asked.clear()
        await door.enter(who)

    at_the_door(spend)
    assert asked == [ADMIT]


def test_a_caller_is_read_with_the_credit_of_its_organisation(
    person: Callable[..., Any],
) -> None:
    key = first_key(person("ada"))
    read = load_caller(key.digest)
    assert read is not None
    assert read.credit == NO_CREDIT

    set_credit(key.organisation_id, credit(7, settled_nano=3), is_news=True)

    read = load_caller(key.digest)
    assert read is not None
    allowance = read.features.monthly_allowance_nano
    # Three of it were settled, from something beyond the allowance.
    assert read.most_of(this_month()) == allowance + 10
    assert read.most_of("299901") == allowance + 7


def first_key(user: User) -> ApiKey:
    return key_of(personal_organisation(user), user)


@pytest.mark.parametrize(
    ("used_before", "settled", "left"),
    [(100, 100, 50), (130, 100, 20), (130, 130, 50), (190, 100, 0)],
)
def test_what_the_month_before_has_not_drawn_yet_is_not_spent_twice(
    person: Callable[..., Any], used_before: int, settled: int, left: int
) -> None:
    key = first_key(person("ada"))
    replace_for(
        key.organisation_id, Features(monthly_allowance_nano=100), source="test"
    )
    first = timezone.now().replace(day=1, hour=0, minute=0, second=30)
    before = first - timedelta(days=1)
    used(key.organisation, key, at=before, price_nano=used_before)
    CreditLine.objects.create(
        organisation=key.organisation,
        month=f"{before:%Y%m}",
        settled_nano=settled,
        from_allowance_nano=min(settled, 100),
        remaining_nano=50,
    )

    with time_machine.travel(first, tick=False):
        read = load_caller(key.digest)

    assert read is not None
    assert read.most_of(f"{first:%Y%m}") == 100 + left


@pytest.mark.parametrize(
    ("used_before", "used_since", "settled", "most"),
    [
        # All was settled: another allowance, another cap, beside what was used before.
        (130, 0, 130, 130 + 100 + 70),
        # The last report is on its way: credit pays it, as it comes before the cap.
        (150, 0, 130, 150 + 100 + 70 - 20),
        # So much that credit pays a part of it, which is not there any more.
        (250, 0, 130, 250 + 100 + 70 - 50),
        (130, 40, 130, 130 + 100 + 70),
    ],
)
def test_a_period_that_begins_within_a_month_has_its_own_allowance_and_cap(
    person: Callable[..., Any],
    used_before: int,
    used_since: int,
    settled: int,
    most: int,
) -> None:
    key = first_key(person("ada"))
    replace_for(
        key.organisation_id, Features(monthly_allowance_nano=100), source="test"
    )
    ends_at = timezone.now().replace(day=17, hour=14, minute=0, second=0, microsecond=0)
    used(key.organisation, key, at=ends_at - timedelta(days=2), price_nano=used_before)
    if used_since:
        used(key.organisation, key, at=ends_at, price_nano=used_since)
    # Of this month 130 were settled, 100 by the plan; fifty of credit are left.
    CreditLine.objects.create(
        organisation=key.organisation,
        month=this_month(),
        settled_nano=settled,
        from_allowance_nano=100,
        remaining_nano=50,
        chargeable_nano=20,
        cap_nano=20,
        ends_at=ends_at,
    )

    with time_machine.travel(ends_at + timedelta(minutes=1), tick=False):
        read = load_caller(key.digest)

    assert read is not None
    assert read.most_of(this_month()) == most


def test_a_period_that_goes_on_into_a_month_gives_no_allowance_twice(
    person: Callable[..., Any],
) -> None:
    key = first_key(person("ada"))
    replace_for(
        key.organisation_id, Features(monthly_allowance_nano=100), source="test"
    )
    first = timezone.now().replace(day=1, hour=0, minute=0, second=30)
    before = first - timedelta(days=1)
    used(key.organisation, key, at=before, price_nano=90)
    CreditLine.objects.create(
        organisation=key.organisation,
        month=f"{before:%Y%m}",
        settled_nano=60,
        from_allowance_nano=60,
        remaining_nano=50,
        chargeable_nano=20,
        cap_nano=20,
        ends_at=first + timedelta(days=10),
    )

    with time_machine.travel(first, tick=False):
        read = load_caller(key.digest)

    assert read is not None
    assert read.most_of(f"{first:%Y%m}") == 10 + 50 + 20


def test_of_fifty_calls_at_once_a_cap_for_ten_lets_in_ten() -> None:
    async def spend(door: Door) -> None:
        who = caller(NOTHING_INCLUDED, credit=credit(0, chargeable_nano=10 * HOLD))
        assert await door.entered(who, 50) == 10
        with refused("insufficient_quota"):
            await door.enter(who)

    at_the_door(spend)


def test_a_cap_opens_the_door_within_a_second_and_shuts_it_again(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer(features=Features(monthly_allowance_nano=0))
    start = timezone.now() - timedelta(days=3)
    charged(ada.organisation, allowance=0, percent=120, cap=0, start=start)

    def calls() -> bool:
        try:
            ada.client.chat.completions.create(
                model="plain", messages=HELLO, max_tokens=5
            )
        except openai.RateLimitError:
            return False
        return True

    assert not calls()
    owner = ada.organisation.owner
    set_cap(ada.organisation, cap_nano=10**9, by=owner)
    # A copy would be used for five seconds.
    wait_for(calls, seconds=1)
    set_cap(ada.organisation, cap_nano=None, by=owner)
    wait_for(lambda: not calls(), seconds=1)


def test_credit_opens_the_door_within_a_second_and_shuts_it_again(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer(features=Features(monthly_allowance_nano=0))

    def calls() -> bool:
        try:
            ada.client.chat.completions.create(
                model="plain", messages=HELLO, max_tokens=5
            )
        except openai.RateLimitError:
            return False
        return True

    assert not calls()
    grant = credit_of(ada.organisation, 10**9)
    # A copy would be used for five seconds.
    wait_for(calls, seconds=1)
    withdraw_credit(grant.pk, key="w", reason="Given by mistake")
    wait_for(lambda: not calls(), seconds=1)
