"""Buying, changing and ending a plan against the emulator's own process."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from billing.ledger.models import Invoice
from billing.plans.grace import GRACE
from billing.plans.models import PlanVersion
from billing.plans.queries import offer_for
from billing.stripe import services as inbox
from billing.stripe.catalogue import sync_plans
from billing.stripe.models import StripeOperation
from billing.stripe.webhooks import parse_event
from billing.subscriptions import granting, mirror, services
from billing.subscriptions.exceptions import (
    AlreadySubscribed,
    NoCustomer,
    SeatsOutOfRange,
)
from billing.subscriptions.models import (
    BillingAccount,
    CheckoutIntent,
    Subscription,
)
from entitlements.features import FREE
from entitlements.queries import entitlements_for
from jobs.models import Job
from jobs.working import sweep
from outbox.models import Event
from tests.factories.billing import team_of
from tests.fakes.stripe_emulator import StripeEmulator


def facts(name: str) -> list[dict[str, Any]]:
    return list(
        Event.objects.filter(name=name).order_by("pk").values_list("payload", flat=True)
    )


def test_a_paid_checkout_opens_the_gate(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)

    subscription = buy(org, ada)

    features = entitlements_for(org.pk)
    assert (features.plan, features.premium_models) == ("pro", True)
    assert (subscription.status, subscription.user_id) == ("active", ada.pk)
    assert subscription.period_end > timezone.now() + timedelta(days=27)
    invoice = Invoice.objects.get(organisation=org)
    assert (invoice.status, invoice.revenue, invoice.is_first) == ("paid", 2_000, True)
    assert invoice.lines.get().amount == 2_000
    assert facts("CheckoutStarted") == [
        {
            "organisation_id": org.pk,
            "user_id": ada.pk,
            "plan": "pro",
            "intent_id": CheckoutIntent.objects.get().pk,
        }
    ]
    assert [fact["plan"] for fact in facts("SubscriptionStarted")] == ["pro"]
    assert [
        (fact["amount"], fact["is_first"], fact["user_id"])
        for fact in facts("InvoicePaid")
    ] == [(2_000, True, ada.pk)]


def test_fulfilling_again_changes_nothing(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    buy(org, ada)
    session_id = CheckoutIntent.objects.get().stripe_session_id or ""

    for _ in range(3):
        services.fulfil_checkout(session_id)

    assert len(facts("InvoicePaid")) == 1
    assert len(facts("SubscriptionStarted")) == 1
    assert Subscription.objects.count() == 1
    assert entitlements_for(org.pk).plan == "pro"


def test_an_unpaid_checkout_opens_nothing(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    price = offer_for("pro").prices["month"]
    intent = services.open_checkout(org, user=ada, price=price)

    declined = shop.pay_checkout(intent.session_url, "declined")
    intent = services.fulfil_checkout(intent.stripe_session_id or "")

    assert declined.status_code == 402
    assert intent.state == "open"
    assert entitlements_for(org.pk) == FREE
    assert Invoice.objects.count() == 0


def test_the_same_wish_gets_the_same_checkout(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    price = offer_for("pro").prices["month"]

    first = services.open_checkout(org, user=ada, price=price)
    second = services.open_checkout(org, user=ada, price=price)

    assert second.pk == first.pk
    assert second.session_url == first.session_url
    assert len(facts("CheckoutStarted")) == 1


def test_another_wish_closes_the_checkout_before_it(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    prices = offer_for("pro").prices
    first = services.open_checkout(org, user=ada, price=prices["month"])

    services.open_checkout(org, user=ada, price=prices["year"])

    first.refresh_from_db()
    assert first.state == "superseded"
    session = shop.client().v1.checkout.sessions.retrieve(first.stripe_session_id or "")
    assert session.status == "expired"


def test_a_subscribed_organisation_cannot_check_out_again(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    buy(org, ada)

    with pytest.raises(AlreadySubscribed):
        services.open_checkout(org, user=ada, price=offer_for("pro").prices["year"])

    assert CheckoutIntent.objects.count() == 1


def test_a_checkout_paid_behind_our_back_counts(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    prices = offer_for("pro").prices
    first = services.open_checkout(org, user=ada, price=prices["month"])
    shop.pay_checkout(first.session_url)

    with pytest.raises(AlreadySubscribed):
        services.open_checkout(org, user=ada, price=prices["year"])

    assert entitlements_for(org.pk).plan == "pro"
    assert CheckoutIntent.objects.get(pk=first.pk).state == "complete"


def test_seats_are_what_the_plan_is_sold_for(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    team = team_of(ada)

    with pytest.raises(SeatsOutOfRange):
        services.open_checkout(
            team, user=ada, price=offer_for("team").prices["month"], seats=1
        )

    assert BillingAccount.objects.count() == 0


def test_a_team_pays_for_its_seats(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    team = team_of(ada)

    buy(team, ada, plan="team", seats=5)

    features = entitlements_for(team.pk)
    assert (features.plan, features.seats) == ("team", 5)
    assert features.monthly_allowance_nano == 125 * 10**9
    assert Invoice.objects.get().total == 12_500


def test_two_organisations_do_not_touch(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada, ben = person("ada"), person("ben")

    buy(personal_organisation(ada), ada)

    ben_org = personal_organisation(ben)
    assert entitlements_for(ben_org.pk) == FREE
    assert Subscription.objects.filter(organisation=ben_org).count() == 0
    assert BillingAccount.objects.filter(pk=ben_org.pk).count() == 0


def test_what_is_cancelled_at_stripe_stays_to_the_end_of_its_period(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)

    shop.client().v1.subscriptions.update(
        subscription.stripe_id, {"cancel_at_period_end": True}
    )
    mirror.sync_subscription(subscription.stripe_id)
    subscription.refresh_from_db()
    during = (subscription.ends_at is not None, entitlements_for(org.pk).plan)
    shop.advance(days=32)
    mirror.sync_subscription(subscription.stripe_id)

    subscription.refresh_from_db()
    assert during == (True, "pro")
    assert subscription.status == "canceled"
    assert entitlements_for(org.pk) == FREE
    assert [fact["plan"] for fact in facts("SubscriptionEnded")] == ["pro"]


def test_a_declined_renewal_keeps_the_plan_for_seven_days(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    _let_renewal_fail(shop, subscription)

    mirror.sync_subscription(subscription.stripe_id)
    subscription.refresh_from_db()
    during = (subscription.status, entitlements_for(org.pk).plan)
    before = services.expire_grace()
    Subscription.objects.update(grace_until=timezone.now())
    after = services.expire_grace()

    assert during == ("past_due", "pro")
    assert subscription.grace_until - subscription.first_failed_at == GRACE
    assert (before, after) == (0, 1)
    assert entitlements_for(org.pk) == FREE
    assert len(facts("SubscriptionEnded")) == 1
    assert services.expire_grace() == 0


def test_nothing_to_manage_before_the_first_purchase(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    org = personal_organisation(person("ada"))

    with pytest.raises(NoCustomer):
        services.open_portal(org, return_path="/", language="en")


def test_staff_can_grant_a_plan_and_take_it_back(person: Callable[..., Any]) -> None:
    from billing.plans.services import ensure_default_plans

    org = personal_organisation(person("ada"))
    version: PlanVersion = ensure_default_plans()["team"]

    grant = granting.grant_plan(
        org, version=version, by=None, reason="hackathon", seats=3
    )
    granted = entitlements_for(org.pk)
    granting.revoke_grant(grant, by=person("staff"), reason="over")

    assert (granted.plan, granted.seats) == ("team", 3)
    assert entitlements_for(org.pk) == FREE


def test_a_granted_plan_ends_by_itself(person: Callable[..., Any]) -> None:
    from billing.plans.services import ensure_default_plans

    org = personal_organisation(person("ada"))
    version = ensure_default_plans()["pro"]
    grant = granting.grant_plan(
        org,
        version=version,
        by=None,
        reason="trial",
        ends_at=timezone.now() + timedelta(days=1),
    )
    type(grant).objects.update(
        starts_at=timezone.now() - timedelta(days=2),
        ends_at=timezone.now() - timedelta(days=1),
    )

    assert granting.expire_staff_grants() == 1
    assert granting.expire_staff_grants() == 0
    assert entitlements_for(org.pk) == FREE


@pytest.mark.django_db(transaction=True)
def test_eight_clicks_at_once_open_one_checkout(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    price = offer_for("pro").prices["month"]
    barrier = threading.Barrier(8)
    urls: list[str] = []

    def click() -> None:
        barrier.wait()
        try:
            fresh = Organisation.objects.get(pk=org.pk)
            urls.append(
                services.open_checkout(fresh, user=ada, price=price).session_url
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(urls) == 8
    assert len(set(urls)) == 1
    assert len(shop.client().v1.customers.list().data) == 1
    assert len(shop.client().v1.checkout.sessions.list().data) == 1
    # Beside the prices that the shop was given.
    done = StripeOperation.objects.filter(state="done").exclude(kind="price")
    assert done.count() == 2
    assert len(facts("CheckoutStarted")) == 1


@pytest.mark.django_db(transaction=True)
def test_the_return_page_and_the_webhooks_at_once_count_once(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    price = offer_for("pro").prices["month"]
    intent = services.open_checkout(org, user=ada, price=price)
    shop.pay_checkout(intent.session_url)
    session_id = intent.stripe_session_id or ""
    for event in shop.client().v1.events.list({"limit": 100}).auto_paging_iter():
        raw = event.to_dict(for_json=True)
        inbox.receive_event(parse_event(raw, body=json.dumps(raw)))
    barrier = threading.Barrier(6)
    failures: list[Exception] = []

    def work(number: int) -> None:
        barrier.wait()
        try:
            if number % 2:
                services.fulfil_checkout(session_id)
            else:
                sweep("webhook")
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while sweep("webhook"):
        pass

    assert failures == []
    assert Job.objects.unfinished().filter(kind="webhook").count() == 0
    assert len(facts("InvoicePaid")) == 1
    assert len(facts("SubscriptionStarted")) == 1
    assert len(facts("CheckoutStarted")) == 1
    assert entitlements_for(org.pk).plan == "pro"


def _let_renewal_fail(shop: StripeEmulator, subscription: Subscription) -> None:
    client = shop.client()
    customer = subscription.raw["customer"]
    method = client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer}
    )
    client.v1.subscriptions.update(
        subscription.stripe_id, {"default_payment_method": method.id}
    )
    shop.advance(days=32)


@pytest.mark.django_db
def test_pushing_the_same_plans_again_is_no_news(shop: StripeEmulator) -> None:
    events = shop.client().v1.events
    before = [event.id for event in events.list({"limit": 100}).data]

    list(sync_plans())

    assert [event.id for event in events.list({"limit": 100}).data] == before
