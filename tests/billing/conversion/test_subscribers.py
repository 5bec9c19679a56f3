from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.queries import personal_organisation
from accounts.services import create_organisation
from billing.conversion.models import Account, Developer
from billing.conversion.rebuilding import rebuild
from billing.conversion.services import record_milestone
from contracts.accounts import EmailVerified
from contracts.billing import (
    CheckoutStarted,
    InvoicePaid,
    PaymentRefunded,
    PaymentRestored,
)
from contracts.community import TopicCreated
from contracts.inference import FirstCallSucceeded, UsageAggregated
from core.money import NANO
from jobs.models import Job
from outbox import publish
from outbox.models import Event

pytestmark = pytest.mark.django_db
Deliver = Callable[[], int]
FORMERLY = "billing.conversion.subscribers.record_milestones"


def say(*facts: Any) -> None:
    with transaction.atomic():
        for fact in facts:
            publish(fact)


def usage(organisation_id: int, *, revision: int = 1) -> UsageAggregated:
    return UsageAggregated(
        organisation_id=organisation_id,
        model="doorstone-docs",
        edition="open",
        window="2026-09-01T00:00:00+00:00",
        revision=revision,
        requests=1,
        tokens_in=10,
        tokens_out=10,
        price_nano=5,
        cost_nano=2 * NANO,
    )


def test_signing_up_begins_a_way(person: Any, deliver_outbox: Deliver) -> None:
    user = person("ada")

    deliver_outbox()

    developer = Developer.objects.get(user=user)
    assert developer.signed_up_at == user.date_joined
    assert developer.activated_at is None
    assert Account.objects.get(pk=personal_organisation(user).pk).developer == developer


def test_activation_takes_both_an_address_and_an_activity(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    say(TopicCreated(topic_id=1, author_id=user.pk, category_id=1, kind="question"))
    deliver_outbox()
    assert Developer.objects.get(user=user).activated_at is None

    say(EmailVerified(user_id=user.pk))
    deliver_outbox()

    developer = Developer.objects.get(user=user)
    assert developer.activated_at == developer.verified_at


def test_a_step_that_is_heard_of_late_counts_from_when_it_was(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    say(EmailVerified(user_id=user.pk))
    say(TopicCreated(topic_id=1, author_id=user.pk, category_id=1, kind="question"))
    deliver_outbox()
    verified_at = Developer.objects.get(user=user).verified_at
    assert verified_at is not None
    earlier = verified_at + timedelta(microseconds=1)

    say(
        FirstCallSucceeded(
            organisation_id=personal_organisation(user).pk,
            user_id=user.pk,
            model="doorstone-docs",
            occurred_at=earlier.isoformat(),
        )
    )
    deliver_outbox()

    developer = Developer.objects.get(user=user)
    assert developer.first_activity_at == earlier
    assert developer.activated_at == earlier
    assert rebuild() == []


def test_a_step_that_was_taken_before_costs_one_query(
    person: Any, deliver_outbox: Deliver, django_assert_max_num_queries: Any
) -> None:
    user = person("ada")
    say(TopicCreated(topic_id=1, author_id=user.pk, category_id=1, kind="question"))
    deliver_outbox()
    first = Developer.objects.get(user=user).first_activity_at

    # The look, the lock beside rebuilds, and the savepoint's two.
    with django_assert_max_num_queries(4):
        record_milestone(user.pk, "first_activity_at", at=timezone.now())

    assert Developer.objects.get(user=user).first_activity_at == first


def test_every_step_keeps_its_first_time(person: Any, deliver_outbox: Deliver) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    call = FirstCallSucceeded(
        organisation_id=organisation.pk, user_id=user.pk, model="doorstone-docs"
    )
    say(call)
    deliver_outbox()
    first = Developer.objects.get(user=user).first_call_at

    say(call)
    deliver_outbox()

    assert first is not None
    assert Developer.objects.get(user=user).first_call_at == first


def test_a_payment_counts_once_however_often_it_is_delivered(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    say(
        InvoicePaid(
            organisation_id=organisation.pk,
            invoice_id=1,
            amount=2000,
            currency="usd",
            is_first=True,
            user_id=user.pk,
        )
    )
    deliver_outbox()

    Job.objects.filter(part__contains="conversion").update(attempts=5)
    assert deliver_outbox() == 0

    developer = Developer.objects.get(user=user)
    assert developer.revenue == 2000
    assert developer.paid_at is not None


def test_a_refund_takes_the_money_back_and_leaves_the_conversion(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    paid = InvoicePaid(
        organisation_id=organisation.pk,
        invoice_id=1,
        amount=2000,
        currency="usd",
        is_first=True,
        user_id=user.pk,
    )
    refund = PaymentRefunded(
        organisation_id=organisation.pk, invoice_id=1, amount=500, currency="usd"
    )
    say(paid, refund)

    deliver_outbox()

    developer = Developer.objects.get(user=user)
    assert developer.revenue == 1500
    assert developer.paid_at is not None


def test_a_team_counts_for_whoever_started_the_checkout(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, buyer = person("founder"), person("buyer")
    team = create_organisation("Northwind", owner=founder)
    say(usage(team.pk))
    deliver_outbox()
    assert Developer.objects.get(user=founder).cost_nano == 2 * NANO

    say(
        CheckoutStarted(
            organisation_id=team.pk, user_id=buyer.pk, plan="team", intent_id=1
        ),
        InvoicePaid(
            organisation_id=team.pk,
            invoice_id=1,
            amount=7500,
            currency="usd",
            is_first=True,
            user_id=buyer.pk,
        ),
    )
    deliver_outbox()

    assert Developer.objects.get(user=founder).cost_nano == 0
    assert Developer.objects.get(user=buyer).cost_nano == 2 * NANO
    assert Developer.objects.get(user=buyer).revenue == 7500
    assert Account.objects.get(pk=team.pk).developer_id == buyer.pk


def test_money_in_another_currency_is_left_to_the_ledger(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    say(
        InvoicePaid(
            organisation_id=personal_organisation(user).pk,
            invoice_id=1,
            amount=2000,
            currency="eur",
            is_first=True,
            user_id=user.pk,
        )
    )

    deliver_outbox()

    developer = Developer.objects.get(user=user)
    assert developer.revenue == 0
    assert developer.paid_at is not None


def test_money_is_booked_at_the_moment_it_came(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    came = datetime(2026, 3, 1, 12, tzinfo=UTC)
    paid = InvoicePaid(
        organisation_id=organisation.pk,
        invoice_id=1,
        amount=2000,
        currency="usd",
        is_first=True,
        user_id=user.pk,
        occurred_at=came.isoformat(),
    )
    say(paid)

    deliver_outbox()

    account = Account.objects.get(pk=organisation.pk)
    assert (account.revenue, account.first_paid_at) == (2000, came)


def test_money_that_is_here_again_counts_again(
    person: Any, deliver_outbox: Deliver
) -> None:
    organisation = personal_organisation(person("ada"))
    values: dict[str, Any] = {
        "organisation_id": organisation.pk,
        "invoice_id": 1,
        "currency": "usd",
    }
    say(
        PaymentRefunded(amount=500, **values),
        PaymentRestored(amount=500, **values),
    )

    deliver_outbox()

    assert Account.objects.get(pk=organisation.pk).revenue == 0


def test_a_fact_waits_only_for_those_who_do_something_with_it(person: Any) -> None:
    say(usage(personal_organisation(person("ada")).pk))

    fact = Event.objects.get(name="UsageAggregated")
    heard_by = Job.objects.about("fact", fact.pk).filter(
        part__startswith="billing.conversion"
    )

    assert list(heard_by.values_list("part", flat=True)) == [
        "billing.conversion.subscribers.add_cost"
    ]


def test_what_waited_for_the_handler_of_all_facts_is_not_lost(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    deliver_outbox()
    say(
        InvoicePaid(
            organisation_id=organisation.pk,
            invoice_id=1,
            amount=2000,
            currency="usd",
            is_first=True,
            user_id=user.pk,
        ),
        EmailVerified(user_id=user.pk),
        usage(organisation.pk),
    )
    # As it was published before the upgrade: one job of each fact for one handler.
    waiting = Job.objects.waiting().filter(part__startswith="billing.conversion")
    events = set(waiting.values_list("subject", flat=True))
    waiting.delete()
    Job.objects.bulk_create(
        Job(kind="fact", subject=pk, part=FORMERLY) for pk in events
    )

    deliver_outbox()

    developer = Developer.objects.get(user=user)
    assert developer.revenue == 2000
    assert developer.verified_at is not None
    states = Job.objects.filter(part=FORMERLY).values_list("state", flat=True)
    assert set(states) == {"done"}
    assert len(states) == 3
