"""Allowances go by the subscription's months, and a change of them gives none twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from accounts.models import Organisation
from billing.credits.checks import CHECKS
from billing.credits.models import Coverage, CoveredUsage
from billing.credits.periods import align_period
from entitlements.features import FREE, Features
from entitlements.queries import credit_for
from entitlements.services import replace_for
from entitlements.terms import NO_TERMS, UsageTerms
from tests.factories.credits import credit_of
from tests.factories.overage import START, charged, use
from tests.races import together

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def acme(person: Callable[..., Any]) -> Organisation:
    return Organisation.objects.get(owner=person("ada"))


def rows(organisation: Organisation) -> list[tuple[datetime, datetime, int, int]]:
    """Return each period with what the plan and what nothing covered of it."""
    found = Coverage.objects.filter(organisation=organisation).order_by("starts_at")
    return [
        (row.starts_at, row.ends_at, row.from_allowance_nano, row.uncovered_nano)
        for row in found
    ]


def violations() -> list[str]:
    return [found for check in CHECKS for found in check()]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_payment_brings_one_allowance_also_where_the_month_ends(
    acme: Organisation,
) -> None:
    start = at("2026-03-30T10:10")
    with time_machine.travel(start + HOUR, tick=False):
        charged(acme, percent=0, start=start)
        use(acme, 70, at=start + HOUR)
    with time_machine.travel(at("2026-04-02T00:00"), tick=False):
        use(acme, 70, at=at("2026-04-01T23:00"))
        limit = credit_for(acme.pk).most_of("202604", 100)

    assert rows(acme) == [
        (at("2026-03-30T10:00"), at("2026-04-30T10:00"), 100, 40),
    ]
    # 70 of this month, 30 of which the plan still had.
    assert limit == 70
    assert violations() == []


def test_who_buys_has_the_allowance_from_this_hour_on(acme: Organisation) -> None:
    with time_machine.travel(START - HOUR, tick=False):
        replace_for(acme.pk, Features(monthly_allowance_nano=10), source="free")
        use(acme, 10, at=START - HOUR)
        use(acme, 5, at=START)
        charged_at = START
    with time_machine.travel(START, tick=False):
        charged(acme, percent=0)
        limit = credit_for(acme.pk).most_of("202603", 100)
        use(acme, 90, at=charged_at)

    assert rows(acme) == [
        (at("2026-03-01"), at("2026-03-17T14:00"), 10, 5),
        (at("2026-03-17T14:00"), at("2026-04-17T14:00"), 90, 0),
    ]
    assert limit == 15 + 100
    assert violations() == []


def test_who_leaves_has_the_rest_of_the_calendar_month(acme: Organisation) -> None:
    with time_machine.travel(START + HOUR, tick=False):
        charged(acme, percent=0)
        use(acme, 60)
    left = at("2026-03-20T09:40")
    with time_machine.travel(left, tick=False):
        free = Features(monthly_allowance_nano=7)
        replace_for(acme.pk, free, source="free", terms=NO_TERMS)
        align_period(acme.pk)
        use(acme, 9, at=left)

    assert rows(acme) == [
        (at("2026-03-17T14:00"), at("2026-03-20T09:00"), 60, 0),
        (at("2026-03-20T09:00"), at("2026-04-01"), 7, 2),
    ]
    assert violations() == []


def test_changing_twice_within_an_hour_gives_no_allowance_twice(
    acme: Organisation,
) -> None:
    with time_machine.travel(START, tick=False):
        charged(acme, percent=0)
        use(acme, 60, at=START)
        replace_for(acme.pk, FREE, source="free", terms=NO_TERMS)
        align_period(acme.pk)
        charged(acme, percent=0)
        use(acme, 60, at=START)

    assert rows(acme) == [
        (at("2026-03-17T14:00"), at("2026-04-17T14:00"), 100, 20),
    ]


def test_a_month_that_is_longer_at_stripe_is_longer_here(acme: Organisation) -> None:
    with time_machine.travel(START + HOUR, tick=False):
        charged(acme, percent=0)
        use(acme, 60)
        longer = UsageTerms(period_start=START, period_end=START + timedelta(days=33))
        features = Features(plan="pro", monthly_allowance_nano=100)
        replace_for(acme.pk, features, source="test", terms=longer)
        align_period(acme.pk)

    assert rows(acme)[0][1] == at("2026-04-19T14:00")


def test_credit_and_a_charge_come_after_the_plan_in_this_order(
    acme: Organisation,
) -> None:
    with time_machine.travel(START + HOUR, tick=False):
        charged(acme, percent=150, cap=90)
        credit_of(acme, 50)
        use(acme, 130)
        use(acme, 100)

        row = Coverage.objects.get(organisation=acme)
        # A cap of 90 is 60 of usage at half as much again.
        assert (row.from_allowance_nano, row.from_credit_nano) == (100, 50)
        assert (row.charged_nano, row.uncovered_nano) == (60, 20)
        use(acme, -90)

    row.refresh_from_db()
    assert (row.from_allowance_nano, row.from_credit_nano) == (100, 40)
    assert (row.charged_nano, row.uncovered_nano) == (0, 0)
    assert violations() == []


def test_a_new_price_comes_with_the_next_period(acme: Organisation) -> None:
    with time_machine.travel(START + HOUR, tick=False):
        charged(acme, percent=150)
        use(acme, 110)
        charged(acme, percent=200)
        use(acme, 10)
    after = START + timedelta(days=32)
    with time_machine.travel(after, tick=False):
        use(acme, 110, at=after)

    prices = Coverage.objects.order_by("starts_at")
    assert list(prices.values_list("charge_percent", "charged_nano")) == [
        (150, 20),
        (200, 10),
    ]


def test_the_database_keeps_the_parts_of_a_period_whole(acme: Organisation) -> None:
    with time_machine.travel(START + HOUR, tick=False):
        charged(acme)
        use(acme, 150)
    row = Coverage.objects.get()

    for wrong in (
        {"charged_nano": 49},
        {"charged_nano": -1, "from_allowance_nano": 151},
        {"charge_percent": 0},
        {"ends_at": row.starts_at},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Coverage.objects.update(**wrong)


@pytest.mark.django_db(transaction=True)
def test_fifty_reports_at_once_are_charged_to_the_cap_and_no_further(
    acme: Organisation,
) -> None:
    start = datetime.now(UTC) - timedelta(days=3)
    charged(acme, allowance=0, percent=100, cap=300, start=start)

    came = together(*(partial(use, acme, 10, at=datetime.now(UTC)) for _ in range(50)))

    assert came == [None] * 50
    row = Coverage.objects.get(organisation=acme)
    assert (row.charged_nano, row.uncovered_nano) == (300, 200)
    assert CoveredUsage.objects.count() == 50
    assert violations() == []
