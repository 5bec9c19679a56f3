"""What is planned of the demo, before there is a row of it."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from billing.growth.deciding import Decided
from billing.growth.models import Decision, Offer
from demo import launch, storybook
from demo.calendar import Calendar
from demo.people import DAYS, Company
from demo.rhythm import Rhythm
from demo.services import _plan, _speakers
from tests.demo.worlds import SMALL

MONDAY = datetime(2026, 11, 30, 10, 6, tzinfo=UTC)


@pytest.mark.parametrize("hours", range(0, 7 * 24, 11))
def test_who_is_silenced_says_nothing_else(hours: int) -> None:
    # The rhythm of a week decides who comes when: another moment is another demo.
    now = MONDAY + timedelta(hours=hours)
    rhythm = Rhythm(now - timedelta(days=DAYS), now, growth=2.6)

    plan = _plan(SMALL, rhythm, random.Random(42))  # noqa: S311 - the same each time

    assert plan.advertiser in plan.crowd
    assert plan.advertiser not in _speakers(plan).everybody


@pytest.mark.django_db
def test_what_is_decided_in_the_launch_does_not_ask_which_offer_it_was(
    person: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: Any,
) -> None:
    person("mod", is_staff=True)
    story = storybook.launch_offers()[0]
    launch._prepare_offers(launch.first_of_staff())
    rhythm = Rhythm(MONDAY - timedelta(days=DAYS), MONDAY, growth=1.2)
    rng = random.Random(42)  # noqa: S311 - the same each time
    played = launch.Launch(Calendar(), rhythm, Company(), rng)
    offer_pk = Offer.objects.get(key=story.key).pk
    made = Decided(1, uuid4(), Decision.Reason.OFFERED, offer_pk, is_new=True)
    answered: list[Decided] = []
    monkeypatch.setattr(launch, "occur", lambda *_, **__: made)
    monkeypatch.setattr(played, "_answer", lambda *each: answered.append(each[2]))
    monkeypatch.setattr(played, "_plan_payments", lambda _newcomer: None)
    named = SimpleNamespace(pk=1)
    newcomer = cast(launch.Arrival, SimpleNamespace(user=named, home=named))

    with django_assert_num_queries(0):
        for _ in range(3):
            played._meet(story, newcomer)

    assert answered == [made] * 3
