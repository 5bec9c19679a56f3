"""Mails about money promise what is so, also to somebody who has nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organisation
from billing.ledger.models import Invoice
from billing.ledger.services import record_invoice
from billing.plans.grace import GRACE
from billing.plans.services import ensure_default_plans
from billing.subscriptions import cards, granting, mirror, notices, trials
from billing.subscriptions.models import BillingAccount, Subscription
from contracts.billing import PaymentFailed, SubscriptionEnded
from core.clock import day_for_all
from notifications.models import Notification
from tests.factories.billing import (
    default_price,
    fetched_subscription,
    invoice_record,
    team_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def org(person: Callable[..., Any]) -> Organisation:
    return team_of(person("ada"))


def subscribed(org: Organisation, **fields: Any) -> Subscription:
    copy = fetched_subscription(org, default_price("pro"), **fields)
    return mirror.apply_subscription(copy, fetched_at=timezone.now())


def owed(org: Organisation, subscription_id: str = "", **fields: Any) -> Invoice:
    values = {"status": "open", "paid_at": None, "amount_paid": 0, **fields}
    return record_invoice(
        invoice_record(**values, subscription_stripe_id=subscription_id),
        organisation_id=org.pk,
        user_id=None,
        fetched_at=timezone.now(),
    )


def given_team(org: Organisation) -> None:
    """Have staff give the organisation a plan without an end."""
    granting.grant_plan(
        org, version=ensure_default_plans()["team"], by=None, reason="test", seats=2
    )


def last_news() -> Notification:
    return Notification.objects.order_by("-pk")[0]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("incomplete", "this plan is not in force"),
        ("unpaid", "this plan is not in force"),
        ("past_due", "The plan stays until"),
        # Heard before the subscription is: it still looks paid.
        ("active", "The plan stays until"),
        ("canceled", "does not bring that back"),
        ("incomplete_expired", "does not bring that back"),
    ],
)
@pytest.mark.parametrize("has_grant", [False, True])
def test_a_failed_payment_is_told_as_what_it_means(
    org: Organisation, status: str, said: str, has_grant: bool
) -> None:
    row = subscribed(org, status=status)
    if has_grant:
        given_team(org)
    invoice = owed(org, row.stripe_id)

    notices.notify_payment_failed(
        PaymentFailed(organisation_id=org.pk, invoice_id=invoice.pk)
    )

    body = last_news().body
    assert said in body
    # Nobody who was given a plan reads that there is none.
    assert "no plan" not in body
    assert ("at once" in body) == ("this plan is not in force" in body)
    if "stays until" in body:
        assert day_for_all(row.grace_until or timezone.now() + GRACE) in body


def test_a_later_failure_in_the_same_grace_tells_its_own_end(org: Organisation) -> None:
    row = subscribed(org, status="past_due")
    end = timezone.now() + timedelta(days=2)
    Subscription.objects.filter(pk=row.pk).update(grace_until=end)

    notices.notify_payment_failed(
        PaymentFailed(organisation_id=org.pk, invoice_id=owed(org, row.stripe_id).pk)
    )

    assert day_for_all(end) in last_news().body


@pytest.mark.parametrize(
    ("has_grant", "said"),
    [(False, "with the plan Community"), (True, "with the plan Team")],
)
def test_what_goes_on_after_the_end_is_what_is_in_force(
    org: Organisation, has_grant: bool, said: str
) -> None:
    row = subscribed(org, status="canceled")
    if has_grant:
        given_team(org)

    notices.notify_ended(
        SubscriptionEnded(organisation_id=org.pk, subscription_id=row.pk, plan="pro")
    )

    assert said in last_news().body


@pytest.mark.parametrize(
    ("method", "without_card", "card", "said"),
    [
        ("charge_automatically", "cancel", "", "the plan ends with it"),
        ("charge_automatically", "cancel", "4242", "ending in 4242"),
        # As Stripe has it where somebody begins a trial in its dashboard.
        ("charge_automatically", "create_invoice", "", "is to be paid"),
        ("charge_automatically", "create_invoice", "4242", "ending in 4242"),
        ("send_invoice", "create_invoice", "4242", "is to be paid"),
    ],
)
def test_the_end_of_a_trial_is_told_as_it_will_be(
    org: Organisation, method: str, without_card: str, card: str, said: str
) -> None:
    ending = {"end_behavior": {"missing_payment_method": without_card}}
    subscribed(
        org,
        status="trialing",
        trial_end=timezone.now() + timedelta(days=2),
        collection_method=method,
        raw={"trial_settings": ending},
    )
    BillingAccount.objects.filter(pk=org.pk).update(card_last4=card)

    assert trials.remind_of_trials() == 1

    body = last_news().body
    assert said in body
    assert ("nothing is charged and" in body) == ("ends with it" in body)
    assert "free plan" not in body


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, 1),
        ({"status": "past_due"}, 1),
        ({"cancel_at_period_end": True}, 0),
        ({"cancel_at": timezone.now()}, 0),
        ({"collection_method": "send_invoice"}, 0),
        ({"status": "canceled"}, 0),
    ],
)
def test_a_card_that_ends_is_told_of_once_where_it_is_to_pay(
    org: Organisation, fields: dict[str, Any], told: int
) -> None:
    row = subscribed(org, **fields)
    today = timezone.localdate()
    accounts = BillingAccount.objects.filter(pk=org.pk)
    accounts.update(
        card_last4="4242", card_exp_year=today.year, card_exp_month=today.month
    )
    before = Notification.objects.count()

    assert [cards.remind_of_cards() for _ in range(2)] == [told, told]

    assert Notification.objects.count() - before == told
    if told:
        assert "4242" in last_news().body
        assert f"{today:%m/%Y}" in last_news().body
        # The next one is another card.
        accounts.update(card_last4="4444")
        cards.remind_of_cards()
        assert Notification.objects.count() - before == 2
    assert row.organisation_id == org.pk


def test_a_card_that_lasts_longer_is_not_told_of(org: Organisation) -> None:
    subscribed(org)
    later = timezone.localdate() + timedelta(days=45)
    BillingAccount.objects.filter(pk=org.pk).update(
        card_last4="4242", card_exp_year=later.year, card_exp_month=later.month
    )

    assert cards.remind_of_cards() == 0


def test_what_is_owed_for_a_plan_that_has_ended_is_shown(
    org: Organisation, client: Client
) -> None:
    row = subscribed(org, status="canceled")
    owed(org, row.stripe_id, hosted_url="https://invoice.test/old", attempt_count=4)
    client.force_login(org.memberships.get().user)

    page = client.get(f"/console/{org.slug}/billing/").content.decode()

    assert "An invoice is still open" in page
    assert 'href="https://invoice.test/old"' in page


def test_what_is_due_later_is_no_alarm(org: Organisation, client: Client) -> None:
    owed(org, due_at=timezone.now() + timedelta(days=14))
    client.force_login(org.memberships.get().user)

    page = client.get(f"/console/{org.slug}/billing/").content.decode()

    assert "An invoice is still open" not in page


def test_the_invoice_to_pay_is_the_one_that_brings_the_plan_back(
    org: Organisation, client: Client
) -> None:
    row = subscribed(org, status="past_due")
    owed(org, row.stripe_id, hosted_url="https://invoice.test/plan")
    # Newer, and for something else.
    owed(org, hosted_url="https://invoice.test/usage")
    client.force_login(org.memberships.get().user)

    page = client.get(f"/console/{org.slug}/billing/").content.decode()

    banner = page.split("The last payment failed", 1)[1].split('id="invoices"', 1)[0]
    assert "https://invoice.test/plan" in banner
    assert "https://invoice.test/usage" not in banner
