"""An organisation's first successful call is told once, as who made it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.queries import personal_organisation
from inference.usage import services
from inference.usage.models import FirstCall
from outbox.models import Event
from tests.factories.inference import key_of, used
from tests.races import together

AT = datetime(2026, 5, 4, 12, 20, tzinfo=UTC)


def told() -> list[dict[str, Any]]:
    facts = Event.objects.filter(name="FirstCallSucceeded").order_by("pk")
    return list(facts.values_list("payload", flat=True))


def test_the_first_call_is_told_with_its_moment_and_whose_key_it_was(
    person: Callable[..., Any],
) -> None:
    ada, ben = person("ada"), person("ben")
    own, other = personal_organisation(ada), personal_organisation(ben)
    used(own, key_of(own, ada), at=AT)
    used(own, key_of(own, ada), at=AT.replace(minute=30))
    used(other, at=AT, model="large")

    assert [services.publish_first_calls() for _ in range(2)] == [2, 0]

    assert sorted(told(), key=lambda fact: fact["organisation_id"]) == [
        {
            "organisation_id": own.pk,
            "user_id": ada.pk,
            "model": "tiny",
            "occurred_at": AT.isoformat(),
        },
        {
            "organisation_id": other.pk,
            "user_id": None,
            "model": "large",
            "occurred_at": AT.isoformat(),
        },
    ]


def test_a_call_that_failed_is_no_first_one(person: Callable[..., Any]) -> None:
    org = personal_organisation(person("ada"))
    used(org, at=AT, status="upstream_error")

    assert services.publish_first_calls() == 0

    assert not FirstCall.objects.exists()
    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_it_once(person: Callable[..., Any]) -> None:
    used(personal_organisation(person("ada")), at=AT)

    counts = together(services.publish_first_calls, services.publish_first_calls)

    assert sorted(counts) == [0, 1]
    assert len(told()) == 1
