from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Organisation
from accounts.queries import personal_organisation
from billing.conversion.models import Account, Developer
from billing.conversion.rebuilding import Difference, rebuild
from contracts.accounts import EmailVerified
from contracts.community import TopicCreated
from contracts.inference import FirstCallSucceeded, UsageAggregated
from outbox import publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(person: Any, deliver_outbox: Callable[[], int]) -> Any:
    user = person("ada")
    organisation = personal_organisation(user)
    facts: list[Any] = [
        EmailVerified(user_id=user.pk),
        TopicCreated(topic_id=1, author_id=user.pk, category_id=1, kind="question"),
        FirstCallSucceeded(
            organisation_id=organisation.pk, user_id=user.pk, model="doorstone-docs"
        ),
        UsageAggregated(
            organisation_id=organisation.pk,
            model="doorstone-docs",
            edition="open",
            window="2026-09-01T00:00:00+00:00",
            revision=1,
            requests=1,
            tokens_in=10,
            tokens_out=10,
            price_nano=50,
            cost_nano=20,
        ),
    ]
    for fact in facts:
        with transaction.atomic():
            publish(fact)
    deliver_outbox()
    return user


def test_a_rebuild_finds_what_the_facts_left(history: Any) -> None:
    assert rebuild() == []


def test_a_rebuild_mends_and_names_what_differs(history: Any) -> None:
    developer = Developer.objects.get(user=history)
    right = developer.first_call_at
    assert right is not None
    Developer.objects.filter(pk=developer.pk).update(
        first_call_at=right + timedelta(days=1), cost_nano=1
    )

    differences = rebuild()

    assert differences == [
        Difference(
            f"user {history.pk}", "first_call_at", right + timedelta(days=1), right
        ),
        Difference(f"user {history.pk}", "cost_nano", 1, 20),
    ]
    assert Developer.objects.get(user=history).first_call_at == right
    assert rebuild() == []


def test_a_rebuild_makes_rows_that_are_missing(history: Any) -> None:
    Account.objects.all().delete()
    Developer.objects.all().delete()

    rebuild()

    developer = Developer.objects.get(user=history)
    assert developer.activated_at is not None
    assert developer.cost_nano == 20
    assert Account.objects.get().developer == developer


def test_a_rebuild_names_what_differs_of_organisations_and_removes_what_is_too_much(
    history: Any,
) -> None:
    account = Account.objects.get()
    nobodys = Organisation.objects.create(name="Nobody's", slug="nobodys", kind="team")
    Account.objects.create(organisation=nobodys, revenue=5)
    Account.objects.filter(pk=account.pk).update(cost_nano=1, founder=None)

    differences = rebuild()

    assert {(each.subject, each.field, each.was) for each in differences} == {
        (f"organisation {account.pk}", "founder_id", None),
        (f"organisation {account.pk}", "cost_nano", 1),
        (f"organisation {nobodys.pk}", "revenue", 5),
        (f"organisation {nobodys.pk}", "foreign", 0),
        (f"organisation {nobodys.pk}", "cost_nano", 0),
    }
    assert Account.objects.get().cost_nano == 20
    assert rebuild() == []
