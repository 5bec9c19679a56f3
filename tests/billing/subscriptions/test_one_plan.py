"""Nobody pays twice: an open checkout gives way to a plan that is there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organisation
from billing.plans.queries import offer_for
from billing.plans.services import ensure_default_plans
from billing.subscriptions import granting, mirror, services
from billing.subscriptions.customers import ensure_customer
from billing.subscriptions.exceptions import AlreadySubscribed
from billing.subscriptions.models import Case, CheckoutIntent, Subscription
from entitlements.queries import entitlements_for
from notifications.models import Notification
from tests.factories.billing import (
    customer_of,
    default_price,
    fetched_subscription,
    team_of,
)
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def org(person: Callable[..., Any]) -> Organisation:
    return team_of(person("ada"))


def open_checkout(org: Organisation) -> CheckoutIntent:
    price = offer_for("pro").prices["month"]
    return services.open_checkout(org, user=org.memberships.get().user, price=price)


def subscribe_elsewhere(shop: StripeEmulator, org: Organisation) -> str:
    """Have somebody subscribe the organisation in Stripe's own dashboard."""
    price = offer_for("pro").prices["month"].stripe_price_id or ""
    made = shop.client().v1.subscriptions.create(
        {
            "customer": customer_of(org),
            "items": [{"price": price}],
            "collection_method": "send_invoice",
            "days_until_due": 14,
        }
    )
    return str(made.id)


def status_of(shop: StripeEmulator, intent: CheckoutIntent) -> str:
    found = shop.client().v1.checkout.sessions.retrieve(intent.stripe_session_id or "")
    return str(found.status)


def test_a_plan_bought_elsewhere_closes_the_open_checkout(
    shop: StripeEmulator, org: Organisation
) -> None:
    intent = open_checkout(org)
    mirror.sync_subscription(subscribe_elsewhere(shop, org))

    services.close_checkouts()

    intent.refresh_from_db()
    assert (intent.state, intent.closed_at is not None) == ("superseded", True)
    assert status_of(shop, intent) == "expired"
    assert shop.pay_checkout(intent.session_url).status_code != 303
    assert services.close_checkouts() == 0


def test_a_plan_given_by_staff_closes_it_too(
    shop: StripeEmulator, org: Organisation, person: Callable[..., Any]
) -> None:
    intent = open_checkout(org)
    granting.grant_plan(
        org,
        version=ensure_default_plans()["team"],
        by=person("staff", is_staff=True),
        reason="test",
        seats=2,
    )

    services.close_checkouts(org.pk)

    assert status_of(shop, intent) == "expired"


def test_staff_hear_of_a_second_live_plan_at_once_and_of_its_end_nothing(
    shop: StripeEmulator, org: Organisation, person: Callable[..., Any]
) -> None:
    staff = person("staff", is_staff=True)
    intent = open_checkout(org)
    assert shop.pay_checkout(intent.session_url).status_code == 303
    other = subscribe_elsewhere(shop, org)
    services.fulfil_checkout(intent.stripe_session_id or "")

    mirror.sync_subscription(other)

    case = Case.objects.get()
    told = Notification.objects.filter(user=staff).count()
    assert (case.kind, case.object_id, told) == ("duplicate", other, 1)

    first = Subscription.objects.get(is_duplicate=False)
    shop.client().v1.subscriptions.cancel(first.stripe_id)
    mirror.sync_subscription(first.stripe_id)

    case.refresh_from_db()
    assert case.closed_at is not None
    assert not Subscription.objects.live().filter(is_duplicate=True).exists()
    assert entitlements_for(org.pk).plan == "pro"
    assert Case.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_plan_that_appears_while_a_checkout_opens_leaves_no_session_to_pay(
    shop: StripeEmulator, org: Organisation
) -> None:
    ensure_customer(org)
    other = subscribe_elsewhere(shop, org)

    found = together(
        lambda: open_checkout(org), lambda: mirror.sync_subscription(other)
    )
    services.close_checkouts()

    open_ones = [
        session.id
        for session in shop.client().v1.checkout.sessions.list().data
        if session.status == "open"
    ]
    assert open_ones == []
    assert not CheckoutIntent.objects.filter(state="open").exists()
    assert isinstance(found[0], CheckoutIntent | AlreadySubscribed)


def test_an_upgrade_that_was_not_paid_gives_what_was_paid(
    shop: StripeEmulator, org: Organisation, buy: Callable[..., Any]
) -> None:
    row = buy(org, org.memberships.get().user)
    v1 = shop.client().v1
    method = v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer_of(org)}
    )
    item = v1.subscriptions.retrieve(row.stripe_id)["items"].data[0]
    v1.subscriptions.update(
        row.stripe_id,
        {
            "default_payment_method": method.id,
            "items": [
                {
                    "id": item.id,
                    "price": offer_for("team").prices["month"].stripe_price_id or "",
                    "quantity": 5,
                }
            ],
            "proration_behavior": "always_invoice",
            "payment_behavior": "allow_incomplete",
        },
    )

    mirror.sync_subscription(row.stripe_id)

    row.refresh_from_db()
    assert (row.status, row.granted_plan) == ("past_due", "pro")
    assert entitlements_for(org.pk).plan == "pro"


@pytest.mark.parametrize(
    ("plan", "quantity", "amount", "grants"),
    [("pro", 5, 10_000, "pro"), ("team", 0, 0, "free")],
)
def test_what_stripe_charges_is_what_is_shown(
    org: Organisation, plan: str, quantity: int, amount: int, grants: str
) -> None:
    copy = fetched_subscription(org, default_price(plan), quantity=quantity)

    row = mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert (row.seats, row.period_amount, row.monthly_amount) == (
        quantity,
        amount,
        amount,
    )
    assert entitlements_for(org.pk).plan == grants
