"""A trial is given once, ends by itself and is told of before it does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from billing.plans.models import Plan
from billing.plans.queries import offer_for
from billing.plans.services import publish_version
from billing.stripe.catalogue import sync_plans
from billing.subscriptions import mirror, services, trials
from billing.subscriptions.exceptions import TrialNotOnOffer
from billing.subscriptions.granting import grant_plan
from billing.subscriptions.models import BillingAccount, StaffGrant, Subscription
from entitlements.queries import entitlements_for
from notifications.models import Notification
from tests.factories.billing import default_price, fetched_subscription, team_of
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together
from tests.signing_in import record_sign_in

DAY = timedelta(days=1)


@pytest.fixture
def offer_trial(shop: StripeEmulator) -> Callable[..., None]:
    """Return a function that sells Pro with a trial of fourteen days."""

    def publish(*, needs_card: bool = True) -> None:
        plan = Plan.objects.get(key="pro")
        publish_version(
            plan,
            features=offer_for("pro").features,
            prices={"month": 2_000},
            collection="charge_automatically",
            trial_days=14,
            trial_needs_card=needs_card,
        )
        list(sync_plans())

    return publish


@pytest.fixture
def begin(shop: StripeEmulator) -> Callable[..., Subscription]:
    """Return a function that orders Pro and completes the hosted page."""

    def order(organisation: Any, user: Any) -> Subscription:
        price = offer_for("pro").prices["month"]
        intent = services.open_checkout(organisation, user=user, price=price)
        assert shop.pay_checkout(intent.session_url).status_code == 303
        services.fulfil_checkout(intent.stripe_session_id or "")
        return Subscription.objects.filter(organisation=organisation).latest("pk")

    return order


def ended(shop: StripeEmulator, row: Subscription) -> Subscription:
    shop.client().v1.subscriptions.cancel(row.stripe_id)
    mirror.sync_subscription(row.stripe_id)
    row.refresh_from_db()
    return row


def test_a_trial_with_a_card_is_paid_at_its_end(
    shop: StripeEmulator, person: Any, offer_trial: Any, begin: Any
) -> None:
    offer_trial()
    ada = person("ada")

    row = begin(personal_organisation(ada), ada)

    assert (row.status, entitlements_for(row.organisation_id).plan) == (
        "trialing",
        "pro",
    )
    shop.advance(days=14.1)
    mirror.sync_subscription(row.stripe_id)
    row.refresh_from_db()
    assert row.status == "active"
    invoices = shop.client().v1.invoices.list().data
    assert sorted(each.amount_paid for each in invoices) == [0, 2_000]


def test_a_trial_without_a_card_ends_and_owes_nothing(
    shop: StripeEmulator, person: Any, offer_trial: Any, begin: Any
) -> None:
    offer_trial(needs_card=False)
    ada = person("ada")

    row = begin(personal_organisation(ada), ada)

    assert shop.client().v1.payment_methods.list().data == []
    assert entitlements_for(row.organisation_id).plan == "pro"
    shop.advance(days=14.1)
    mirror.sync_subscription(row.stripe_id)
    row.refresh_from_db()
    assert row.status == "canceled"
    assert entitlements_for(row.organisation_id).plan == "free"
    assert all(each.total == 0 for each in shop.client().v1.invoices.list().data)


def test_who_had_a_plan_pays_from_the_first_day(
    shop: StripeEmulator, person: Any, offer_trial: Any, begin: Any
) -> None:
    offer_trial()
    ada, ben = person("ada"), person("ben")
    own = personal_organisation(ada)
    first = ended(shop, begin(own, ada))
    assert first.trial_end is not None

    again = ended(shop, begin(own, ada))
    new_team = ended(shop, begin(team_of(ada), ada))
    # Another person orders for a team whose founder had it.
    team = team_of(ada, "Southwind")
    Membership.objects.create(organisation=team, user=ben, role="billing")
    by_another = begin(team, ben)

    assert [each.trial_end for each in (again, new_team, by_another)] == [None] * 3


def test_who_was_given_a_plan_has_had_their_trial(
    shop: StripeEmulator, person: Any, offer_trial: Any
) -> None:
    offer_trial()
    ada, ben, boss = person("ada"), person("ben"), person("boss", is_staff=True)
    version = offer_for("pro").version
    own, team, other = personal_organisation(ada), team_of(ada), team_of(ben, "Bens")
    past = timezone.now() - DAY

    def days(organisation: Any, user: Any) -> int:
        return trials.trial_days_for(organisation, user, version)

    before = [days(own, ada), days(team, ada), days(other, ben)]
    # An offer that Ada accepted, long over, and a present of staff's to another.
    grant_plan(own, version=version, by=ada, reason="Offer premium_trial")
    StaffGrant.objects.update(starts_at=past - DAY, ends_at=past)
    grant_plan(other, version=version, by=boss, reason="a present")

    assert before == [14, 14, 14]
    assert [days(own, ada), days(team, ada), days(other, ben)] == [0, 0, 0]
    # Who gives plans at work has had none for that.
    assert days(personal_organisation(boss), boss) == 14


def test_an_order_that_is_open_uses_the_trial_up_until_it_is_not(
    shop: StripeEmulator, person: Any, offer_trial: Any
) -> None:
    offer_trial()
    ada = person("ada")
    price = offer_for("pro").prices["month"]
    own, team = personal_organisation(ada), team_of(ada)

    first = services.open_checkout(own, user=ada, price=price)
    second = services.open_checkout(team, user=ada, price=price)
    same = services.open_checkout(own, user=ada, price=price)

    assert (first.trial_days, second.trial_days, same.pk) == (14, 0, first.pk)
    shop.client().v1.checkout.sessions.expire(first.stripe_session_id or "")
    services.fulfil_checkout(first.stripe_session_id or "")
    assert services.open_checkout(team, user=ada, price=price).trial_days == 14


@pytest.mark.django_db(transaction=True)
def test_two_orders_at_once_get_one_trial(
    shop: StripeEmulator, person: Any, offer_trial: Any
) -> None:
    offer_trial()
    ada = person("ada")
    price = offer_for("pro").prices["month"]
    organisations = [personal_organisation(ada), *(team_of(ada, x) for x in "ABC")]

    def order(organisation: Any) -> Callable[[], int]:
        return lambda: (
            services.open_checkout(organisation, user=ada, price=price).trial_days
        )

    assert sorted(together(*map(order, organisations))) == [0, 0, 0, 14]


def test_what_was_shown_is_what_is_bought(
    shop: StripeEmulator, person: Any, offer_trial: Any, begin: Any
) -> None:
    offer_trial()
    ada = person("ada")
    own = personal_organisation(ada)
    client = Client()
    client.force_login(ada)
    record_sign_in(client, ada)
    review = f"/billing/checkout/pro/?org={own.slug}&interval=month&seats=1"
    page = client.get(review).content.decode()
    assert "14 days, nothing to pay today" in page
    ended(shop, begin(own, ada))
    wanted = {"org": own.slug, "interval": "month", "seats": "1"}
    wanted |= {"price": offer_for("pro").prices["month"].lookup_key, "trial": "14"}

    answer = client.post("/billing/checkout/pro/", wanted)

    assert answer.status_code == TrialNotOnOffer.status == 409
    shown = answer.content.decode()
    assert "The trial has changed meanwhile" in shown
    assert "nothing to pay today" not in shown
    assert "A trial is for those who never had a plan" in shown
    assert (
        client.post("/billing/checkout/pro/", wanted | {"trial": "0"}).status_code
        == 303
    )


@pytest.mark.django_db
@pytest.mark.parametrize("last4", ["", "4242"])
def test_the_end_is_told_of_three_days_and_one_day_before(
    person: Any, last4: str
) -> None:
    ada = person("ada")
    own = personal_organisation(ada)
    ends = {"trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}}
    mirror.apply_subscription(
        fetched_subscription(own, default_price("pro"), status="trialing", raw=ends),
        fetched_at=timezone.now(),
    )
    BillingAccount.objects.filter(pk=own.pk).update(card_last4=last4)

    def told(left: timedelta) -> list[int]:
        Subscription.objects.update(trial_end=timezone.now() + left)
        return [trials.remind_of_trials() for _ in range(3)]

    assert told(3.1 * DAY) == [0, 0, 0]
    assert told(2.9 * DAY) == [1, 0, 0]
    assert told(0.9 * DAY) == [1, 0, 0]
    for news in Notification.objects.filter(user=ada, title__contains="ends soon"):
        assert ("4242" in news.body) == bool(last4)
        assert ("nothing is charged and" in news.body) != bool(last4)
        assert "$20.00" in news.body


@pytest.mark.django_db
def test_who_has_cancelled_is_not_reminded(person: Any) -> None:
    own = personal_organisation(person("ada"))
    mirror.apply_subscription(
        fetched_subscription(
            own,
            default_price("pro"),
            status="trialing",
            trial_end=timezone.now() + DAY,
            cancel_at_period_end=True,
        ),
        fetched_at=timezone.now(),
    )

    assert trials.remind_of_trials() == 0
