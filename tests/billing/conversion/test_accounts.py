"""An organisation's money counts once, for one developer, in any order."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.services import create_organisation
from billing.conversion.models import Account, Developer
from billing.conversion.rebuilding import rebuild
from contracts.accounts import EmailVerified
from contracts.billing import InvoicePaid
from contracts.community import TopicCreated
from contracts.inference import FirstCallSucceeded
from outbox import publish

pytestmark = pytest.mark.django_db
Deliver = Callable[[], int]


def say(*facts: Any) -> None:
    with transaction.atomic():
        for fact in facts:
            publish(fact)


def becomes_active(user: Any, organisation: Any) -> list[Any]:
    return [
        EmailVerified(user_id=user.pk),
        FirstCallSucceeded(
            organisation_id=organisation.pk, user_id=user.pk, model="small"
        ),
    ]


def pays(organisation: Any, user: Any | None, *, days_ago: int = 0) -> InvoicePaid:
    at = timezone.now() - timedelta(days=days_ago)
    return InvoicePaid(
        organisation_id=organisation.pk,
        invoice_id=1,
        amount=250_000,
        currency="usd",
        is_first=True,
        user_id=user.pk if user else None,
        occurred_at=at.isoformat(),
    )


def money_of(user: Any) -> tuple[int, bool]:
    developer = Developer.objects.get(user=user)
    return developer.revenue, developer.paid_at is not None


def test_a_colleague_who_pays_does_not_take_the_founders_way(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, buyer = person("founder"), person("buyer")
    team = create_organisation("Northwind", owner=founder)
    say(*becomes_active(founder, team), EmailVerified(user_id=buyer.pk))
    say(pays(team, buyer))

    deliver_outbox()

    assert money_of(founder) == (250_000, True)
    assert money_of(buyer) == (0, False)


def test_the_order_in_which_it_is_heard_changes_nothing(
    person: Any, deliver_outbox: Deliver
) -> None:
    for number, order in enumerate(itertools.permutations(range(3))):
        founder, buyer = person(f"founder{number}"), person(f"buyer{number}")
        team = create_organisation(f"Team {number}", owner=founder)
        deliver_outbox()
        facts = [*becomes_active(founder, team), pays(team, buyer)]

        for index in order:
            say(facts[index])
            deliver_outbox()

        assert money_of(founder) == (250_000, True), order
        assert money_of(buyer) == (0, False), order


def test_where_the_founder_does_not_count_the_payer_does(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, buyer = person("boss", is_staff=True), person("buyer")
    team = create_organisation("Northwind", owner=founder)
    say(*becomes_active(founder, team), *becomes_active(buyer, team))
    say(pays(team, buyer))

    deliver_outbox()

    assert money_of(buyer) == (250_000, True)
    assert money_of(founder) == (0, False)


def test_of_two_payments_the_earlier_one_names_the_payer(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, first, second = person("boss", is_staff=True), person("a"), person("b")
    team = create_organisation("Northwind", owner=founder)
    say(*becomes_active(first, team), *becomes_active(second, team))
    say(pays(team, second), pays(team, None, days_ago=9), pays(team, first, days_ago=5))

    deliver_outbox()

    assert Account.objects.get(pk=team.pk).payer_id == first.pk
    assert money_of(first)[1] is True
    assert money_of(second) == (0, False)


def test_an_organisation_nobody_counts_for_is_kept_whole(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder = person("boss", is_staff=True)
    team = create_organisation("Northwind", owner=founder)
    say(pays(team, None))

    deliver_outbox()

    account = Account.objects.get(pk=team.pk)
    assert (account.revenue, account.developer_id) == (250_000, founder.pk)


def test_a_rebuild_puts_everything_down_to_the_same_people(
    person: Any, deliver_outbox: Deliver
) -> None:
    boss, founder, buyer = person("boss", is_staff=True), person("f"), person("b")
    ours = create_organisation("Ours", owner=boss)
    theirs = create_organisation("Theirs", owner=founder)
    say(*becomes_active(founder, theirs), *becomes_active(buyer, theirs))
    say(TopicCreated(topic_id=1, author_id=boss.pk, category_id=1, kind="question"))
    say(pays(ours, buyer, days_ago=3), pays(theirs, buyer))
    deliver_outbox()
    # These payments are facts without invoices, so the ledger knows no money of theirs.
    held = dict(Account.objects.values_list("pk", "developer_id"))
    Account.objects.update(revenue=0)
    Developer.objects.update(revenue=0)

    differences = rebuild()

    assert differences == []
    assert dict(Account.objects.values_list("pk", "developer_id")) == held
