"""Whom a segment holds, who enters by it and who leaves it, by the real read side."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from activity.services import NewEvent, write_events
from analytics.engines.protocol import NoAnswer
from analytics.feed import feed
from billing.growth.campaigns import audience, enrolling
from billing.growth.campaigns.audience import count_audience, units_in_segment
from billing.growth.campaigns.enrolling import refresh_campaigns
from billing.growth.campaigns.stepping import take_due_steps
from billing.growth.exceptions import SegmentUnreadable
from billing.growth.holdout import is_kept_from_campaign
from billing.growth.models import Enrolment
from billing.growth.services import unit_of
from notifications.models import Kind
from notifications.services import set_preferences
from tests.factories.accounts import with_seats
from tests.factories.campaigns import campaign_of, wait

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]
READERS = "steps=2&s0=page_viewed&s0least=2&s0days=30"
NOT_VERIFIED = f"{READERS}&s1=email_verified&s1did=0"


@pytest.fixture(autouse=True)
def _own_read_side(settings: Any, tmp_path: Path, catalogue: None) -> None:
    settings.ANALYTICS_DIR = tmp_path / "analytics"
    settings.GROWTH_HOLDOUT_PERCENT = 0


def did(name: str, user: Any, times: int = 1, *, days_ago: float = 1) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    write_events(
        NewEvent(
            name=name,
            occurred_at=at + timedelta(minutes=number),
            user_id=user.pk,
            path="/docs/",
            properties={"view": str(number), "user_id": user.pk},
        )
        for number in range(times)
    )


def own(user: Any) -> int:
    return personal_organisation(user).pk


def test_a_person_in_a_segment_stands_for_their_organisation(person: Person) -> None:
    ada, bea, cem, dan = (person(name) for name in ("ada", "bea", "cem", "dan"))
    team = with_seats(create_organisation("Team", owner=ada), 5)
    add_member(team, user=bea, role=Membership.Role.MEMBER)
    for user in (ada, bea, cem):
        did("page_viewed", user, 3)
    did("page_viewed", dan, 1)
    did("email_verified", cem)
    feed()

    assert units_in_segment(READERS) == {team.pk: ada.pk, own(cem): cem.pk}
    assert units_in_segment(NOT_VERIFIED) == {team.pk: ada.pk}
    assert {unit_of(ada.pk), unit_of(bea.pk)} == {team.pk}


def test_a_segment_of_any_rule_holds_who_keeps_one(person: Person) -> None:
    ada, bea, cem = (person(name) for name in ("ada", "bea", "cem"))
    did("page_viewed", ada, 2)
    did("email_verified", bea)
    did("page_viewed", cem, 1)
    feed()

    found = units_in_segment(f"{READERS}&s1=email_verified&joined=any")

    assert found == {own(ada): ada.pk, own(bea): bea.pk}


def test_a_large_segment_is_read_page_by_page(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "PAGE", 3)
    users = [person(f"dev{number}") for number in range(8)]
    for user in users:
        did("page_viewed", user, 2)
    feed()

    assert units_in_segment(READERS) == {own(user): user.pk for user in users}


def test_a_segment_whose_event_is_gone_is_said_to_be_unreadable() -> None:
    with pytest.raises(SegmentUnreadable):
        units_in_segment("steps=1&s0=never_heard_of")


def test_who_comes_into_a_segment_enters_and_who_leaves_it_is_out(
    person: Person,
) -> None:
    campaign = campaign_of(
        wait(24), segment_name="Unverified", segment_query=NOT_VERIFIED
    )
    ada, bea = person("ada"), person("bea")
    for user in (ada, bea):
        did("page_viewed", user, 2)
    feed()
    assert refresh_campaigns() == 2
    take_due_steps()

    did("email_verified", bea)
    feed()
    assert refresh_campaigns() == 0

    found = dict(Enrolment.objects.values_list("user", "ended_as"))
    assert found == {ada.pk: "", bea.pk: "left"}
    assert campaign.enrolments.open().get().step == 2
    # Who comes back has been through it.
    assert refresh_campaigns() == 0


def test_while_the_read_side_is_away_nobody_enters_and_nobody_leaves(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_of(wait(24), segment_name="Readers", segment_query=READERS)
    ada = person("ada")
    did("page_viewed", ada, 2)
    feed()
    refresh_campaigns()

    def away(_campaign: Any) -> Any:
        raise NoAnswer

    monkeypatch.setattr(enrolling, "audience_of", away)
    assert refresh_campaigns() == 0
    assert Enrolment.objects.get().ended_at is None


def test_the_editor_counts_whom_a_campaign_would_reach(person: Person) -> None:
    users = [person(f"dev{number}") for number in range(10)]
    for user in users:
        did("page_viewed", user, 2)
    set_preferences(users[0], {Kind.OFFERS.value: False})
    feed()
    campaign = campaign_of(
        wait(1),
        is_started=False,
        segment_name="Readers",
        segment_query=READERS,
        holdout_percent=50,
    )

    count = count_audience(campaign)

    kept = [is_kept_from_campaign(campaign.key, 50, own(user)) for user in users[1:]]
    assert (count.units, count.refusing, count.held_out) == (10, 1, sum(kept))
    assert count.reachable == 9 - sum(kept)
