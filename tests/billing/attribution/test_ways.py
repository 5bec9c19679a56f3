"""What is on the way to a payment, and what is not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from activity.models import Visitor
from activity.services import NewEvent, link_visitor, write_events
from billing.attribution import services
from billing.attribution.models import Touch, Way
from billing.conversion.excluding import (
    set_organisation_excluded,
    set_person_excluded,
)
from billing.conversion.models import Account, Developer
from billing.conversion.people import forget_person
from tests.billing.attribution.conftest import DAY, PAID, Team, browser_of, see, told
from tests.races import together

pytestmark = pytest.mark.django_db


def way_of(team: Team) -> list[tuple[str, str, float]]:
    touches = Touch.objects.filter(way=team.organisation.pk).order_by("at", "pk")
    return [(touch.kind, touch.key, (PAID - touch.at) / DAY) for touch in touches]


def test_a_way_over_two_browsers_and_a_colleague_is_one(
    team: Team, person: Callable[..., Any]
) -> None:
    bea = person("bea")
    team.join(bea)
    laptop = browser_of(team.founder, days=40)
    campaign = {"source": "newsletter", "medium": "mail", "campaign": "October"}
    see("", 30, visitor_id=laptop, touch=campaign)
    see("doc:1.0/start/keys", 29, visitor_id=laptop)
    see("topic:7", 20, user_id=team.founder.pk)
    told("topic_created", 10, user_id=bea.pk, subject="topic:8")
    told("contribution_credited", 5, user_id=bea.pk, subject="contribution:3")
    see("doc:1.1/start/keys", 2, user_id=bea.pk)

    team.pay()

    assert way_of(team) == [
        ("campaign", "newsletter · October", 30),
        ("doc", "start/keys", 29),
        ("topic", "7", 20),
        ("topic", "8", 10),
        ("contribution", "3", 5),
        ("doc", "start/keys", 2),
    ]


def test_what_comes_after_the_payment_or_long_before_is_not_on_the_way(
    team: Team,
) -> None:
    for days in (90.01, 89.99, 0, -0.01):
        see(f"doc:1.0/at-{days}", days, user_id=team.founder.pk)

    team.pay()

    assert [key for _kind, key, _days in way_of(team)] == ["at-89.99", "at-0"]


def test_twice_in_a_day_is_once_and_each_person_has_their_own(
    team: Team, person: Callable[..., Any]
) -> None:
    bea = person("bea")
    team.join(bea)
    for days in (5.2, 5.1, 4.1):
        see("doc:1.0/keys", days, user_id=team.founder.pk)
    see("doc:1.0/keys", 5.1, user_id=bea.pk)

    team.pay()

    assert [days for _kind, _key, days in way_of(team)] == [5.2, 5.1, 4.1]


def test_who_reads_an_answered_thread_meets_the_answer(team: Team) -> None:
    answer = {"topic_id": 7, "answer_id": 70, "author_id": 1}
    see("topic:7", 9, user_id=team.founder.pk)
    told("answer_accepted", 8, subject="topic:7", properties=answer)
    see("topic:7", 7, user_id=team.founder.pk)
    # Another answer takes its place; the mark leaves the first one at the same time.
    told(
        "answer_accepted", 6, subject="topic:7", properties={**answer, "answer_id": 71}
    )
    told("answer_unaccepted", 6, subject="topic:7", properties=answer)
    see("topic:7", 5, user_id=team.founder.pk)
    told(
        "answer_unaccepted",
        4,
        subject="topic:7",
        properties={**answer, "answer_id": 71},
    )
    see("topic:7", 3, user_id=team.founder.pk)

    team.pay()

    assert [(kind, key) for kind, key, _days in way_of(team)] == [
        ("topic", "7"),
        ("answer", "70"),
        ("answer", "71"),
        ("topic", "7"),
    ]


def test_a_first_visit_has_its_source_and_a_direct_one_none(team: Team) -> None:
    browser_of(team.founder, days=12, source="search")
    browser_of(team.founder, days=11)

    team.pay()

    assert way_of(team) == [("source", "search", 12)]


def test_staff_and_who_is_left_out_meet_nothing(
    team: Team, person: Callable[..., Any]
) -> None:
    boss, bea = person("boss", is_staff=True), person("bea")
    team.join(boss)
    team.join(bea)
    set_person_excluded(bea, is_excluded=True, reason="test", by=boss)
    for user in (boss, bea, team.founder):
        see(f"doc:1.0/{user.username}", 5, user_id=user.pk)

    team.pay()

    assert [key for _kind, key, _days in way_of(team)] == ["ada"]


def test_who_joined_after_the_payment_is_not_on_its_way(
    team: Team, person: Callable[..., Any]
) -> None:
    late = person("late")
    team.join(late, days=-1)
    see("doc:1.0/keys", 5, user_id=late.pk)

    team.pay()

    assert way_of(team) == []


def test_a_browser_that_is_linked_later_is_on_the_way_after_the_night(
    team: Team,
) -> None:
    team.pay()
    phone = Visitor.objects.create(
        id=f"v_{'a' * 32}", first_seen_at=PAID - 9 * DAY, source="direct"
    )
    see("doc:1.0/keys", 9, visitor_id=phone.pk)
    link_visitor(phone.pk, team.founder)

    services.replace_ways()

    assert way_of(team) == [("doc", "keys", 9)]


def test_an_earlier_payment_that_is_heard_of_late_ends_the_way(team: Team) -> None:
    see("doc:1.0/before", 8, user_id=team.founder.pk)
    see("doc:1.0/between", 2, user_id=team.founder.pk)
    team.pay()

    team.pay(days=-5)

    assert way_of(team) == [("doc", "before", 8)]
    assert Way.objects.get().ended_at.date() == (PAID - 5 * DAY).date()


def test_a_way_is_derived_once(team: Team) -> None:
    team.pay()

    assert services.replace_due_ways() == 0


def test_an_organisation_that_is_left_out_has_no_way(
    team: Team, person: Callable[..., Any]
) -> None:
    see("doc:1.0/keys", 8, user_id=team.founder.pk)
    team.pay()
    boss = person("boss", is_staff=True)
    account = Account.objects.get(pk=team.organisation.pk)
    set_organisation_excluded(account, is_excluded=True, reason="test", by=boss)

    services.replace_ways()

    assert not Way.objects.filter(pk=team.organisation.pk).exists()


def test_who_could_have_paid_and_did_not_has_a_way_too(
    team: Team, person: Callable[..., Any]
) -> None:
    engaged = timezone.now() - 50 * DAY
    Account.objects.filter(pk=team.organisation.pk).update(
        developer=team.founder.pk, engaged_at=engaged
    )
    Developer.objects.filter(pk=team.founder.pk).update(activated_at=engaged)
    ended = engaged + timedelta(days=30)
    write_events(
        [
            NewEvent(
                name="page_viewed",
                occurred_at=ended + days * DAY,
                subject=f"doc:1.0/at{days}",
                user_id=team.founder.pk,
            )
            for days in (-2, 2)
        ]
    )

    services.replace_ways()

    way = Way.objects.get(pk=team.organisation.pk)
    assert (way.is_paid, way.ended_at) == (False, ended)
    assert list(way.touches.values_list("key", flat=True)) == ["at-2"]


def test_what_a_forgotten_person_met_is_erased(
    team: Team, person: Callable[..., Any]
) -> None:
    boss = person("boss", is_staff=True)
    see("doc:1.0/keys", 8, user_id=team.founder.pk)
    team.pay()

    with transaction.atomic():
        forget_person(team.founder, by=boss)
    team.deliver()

    assert way_of(team) == []
    services.replace_ways()
    assert way_of(team) == []


@pytest.mark.django_db(transaction=True)
def test_a_way_that_two_derive_at_once_has_each_touch_once(team: Team) -> None:
    for days in range(1, 9):
        see(f"doc:1.0/page-{days}", days, user_id=team.founder.pk)
    team.pay()

    came = together(*[services.replace_ways] * 3)

    assert not [each for each in came if isinstance(each, Exception)]
    assert len(way_of(team)) == 8
