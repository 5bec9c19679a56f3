"""A first call is a person's, whoever of their organisation had called before."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Membership
from accounts.services import create_organisation
from billing.conversion.models import Developer
from billing.conversion.rebuilding import rebuild
from contracts.accounts import EmailVerified
from contracts.inference import FirstCallSucceeded
from inference.keys.models import ApiKey
from inference.usage.models import FirstCall
from inference.usage.services import publish_first_calls
from outbox import publish
from outbox.models import Event
from tests.factories.inference import key_of, used
from tests.races import together

pytestmark = pytest.mark.django_db
AT = datetime(2026, 5, 4, 12, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def team(person: Callable[..., Any]) -> Any:
    """A team of a founder and two members, each with an address that is verified."""
    people = [person(name) for name in ("founder", "second", "third")]
    organisation = create_organisation("Northwind", owner=people[0])
    for member in people[1:]:
        Membership.objects.create(organisation=organisation, user=member, role="member")
    with transaction.atomic():
        for each in people:
            publish(EmailVerified(user_id=each.pk))
    return organisation, people


def told() -> list[tuple[int | None, str]]:
    facts = Event.objects.filter(name=FirstCallSucceeded.__name__).order_by("pk")
    return [(each.payload["user_id"], each.payload["occurred_at"]) for each in facts]


def test_every_developer_of_a_team_is_counted(
    team: Any, deliver_outbox: Callable[[], int]
) -> None:
    organisation, people = team
    keys = [key_of(organisation, each) for each in people]
    for number, key in enumerate([*keys, *keys]):
        used(organisation, key, at=AT + number * HOUR)

    assert publish_first_calls() == 3
    assert publish_first_calls() == 0
    deliver_outbox()

    called = Developer.objects.order_by("first_call_at")
    assert list(called.values_list("user_id", "first_call_at")) == [
        (each.pk, AT + number * HOUR) for number, each in enumerate(people)
    ]
    assert Developer.objects.in_n().count() == 3
    assert rebuild() == []


def test_a_second_key_of_a_person_brings_no_second_first_call(team: Any) -> None:
    organisation, (founder, *_) = team
    used(organisation, key_of(organisation, founder), at=AT)
    used(organisation, key_of(organisation, founder), at=AT + HOUR)

    assert publish_first_calls() == 1


def test_what_fails_is_no_first_call(team: Any) -> None:
    organisation, (founder, *_) = team
    key = key_of(organisation, founder)
    used(organisation, key, at=AT, status="upstream_error")
    used(organisation, key, at=AT + HOUR)

    publish_first_calls()

    assert told() == [(founder.pk, (AT + HOUR).isoformat())]


def test_a_key_that_lost_its_maker_takes_no_call_along(
    team: Any, deliver_outbox: Callable[[], int]
) -> None:
    organisation, (founder, *_) = team
    key = key_of(organisation, founder)
    used(organisation, key, at=AT)
    ApiKey.objects.filter(pk=key.pk).update(created_by=None)

    publish_first_calls()
    deliver_outbox()

    assert Developer.objects.get(user=founder).first_call_at == AT
    assert rebuild() == []


def test_calls_of_nobody_are_told_once_and_held_against_nobody(
    team: Any, deliver_outbox: Callable[[], int]
) -> None:
    organisation, (founder, second, _third) = team
    for each in (founder, second):
        key = key_of(organisation, each)
        ApiKey.objects.filter(pk=key.pk).update(created_by=None)
        used(organisation, key, at=AT)
    used(organisation, None, at=AT + HOUR)

    assert publish_first_calls() == 1
    deliver_outbox()

    assert told() == [(None, AT.isoformat())]
    assert not Developer.objects.exclude(first_call_at=None).exists()
    assert rebuild() == []


def test_a_person_who_is_gone_holds_up_nothing(
    team: Any, deliver_outbox: Callable[[], int]
) -> None:
    nobody = 2**40
    publish(
        FirstCallSucceeded(organisation_id=team[0].pk, user_id=nobody, model="tiny")
    )

    deliver_outbox()

    assert not Developer.objects.filter(pk=nobody).exists()
    assert rebuild() == []


def test_calls_of_the_release_before_are_found_and_told_once(team: Any) -> None:
    organisation, (founder, second, _third) = team
    keys = [key_of(organisation, founder), key_of(organisation, second)]
    for key in keys:
        used(organisation, key, at=AT + HOUR)
        used(organisation, key, at=AT, status="upstream_error")
        used(organisation, key, at=AT + HOUR / 4)
    FirstCall.objects.all().delete()
    found = import_module("inference.usage.migrations.0004_first_calls_made_before")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO usage_firstcall (organisation_id, key_id, model, at,"
            " is_announced) VALUES (%s, %s, 'tiny', %s, true)",
            [organisation.pk, keys[0].pk, AT + HOUR / 4],
        )
        cursor.execute(found.FIND)

    rows = FirstCall.objects.order_by("user_id")
    assert list(rows.values_list("user_id", "at", "is_announced")) == [
        (founder.pk, AT + HOUR / 4, True),
        (second.pk, AT + HOUR / 4, False),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_it_once(team: Any) -> None:
    organisation, (founder, *_) = team
    used(organisation, key_of(organisation, founder), at=AT)

    counts = together(publish_first_calls, publish_first_calls)

    assert sorted(counts) == [0, 1]
    assert len(told()) == 1
