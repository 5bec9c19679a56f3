"""What goes wrong around a checkout is refused, found again or made anew."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from billing.plans.exceptions import PlanNotOnOffer, PlanNotSynced
from billing.plans.models import Price
from billing.plans.queries import offer_for
from billing.plans.services import ensure_default_plans
from billing.stripe import portal, products
from billing.stripe.exceptions import NotOurs
from billing.stripe.objects import CheckoutSession
from billing.subscriptions import granting, mirror, services
from billing.subscriptions.customers import forget_customer
from billing.subscriptions.exceptions import (
    AlreadySubscribed,
    NoCustomer,
    UnknownCheckout,
)
from billing.subscriptions.models import (
    BillingAccount,
    CheckoutIntent,
    FormerCustomer,
    Subscription,
)
from entitlements.queries import entitlements_for
from outbox.models import Event
from tests.factories.billing import customer_of
from tests.fakes.stripe_emulator import StripeEmulator


@pytest.fixture
def org(shop: StripeEmulator, person: Callable[..., Any]) -> Organisation:
    return personal_organisation(person("ada"))


def open_checkout(org: Organisation, **fields: Any) -> CheckoutIntent:
    price = fields.pop("price", None) or offer_for("pro").prices["month"]
    user = org.memberships.get().user
    return services.open_checkout(org, user=user, price=price, **fields)


@pytest.mark.parametrize("change", ["retired", "unpublished", "sold in person"])
def test_what_is_not_on_offer_cannot_be_bought(org: Organisation, change: str) -> None:
    price = offer_for("pro").prices["month"]
    if change == "sold in person":
        price = ensure_default_plans()["enterprise"].prices.first() or price
        price.plan_version.collection = "send_invoice"
    elif change == "retired":
        price.plan_version.retired_at = timezone.now()
    else:
        price.plan_version.published_at = None

    with pytest.raises(PlanNotOnOffer):
        open_checkout(org, price=price)

    assert not CheckoutIntent.objects.exists()
    assert not BillingAccount.objects.exists()


def test_what_stripe_does_not_know_yet_cannot_be_bought(org: Organisation) -> None:
    price = offer_for("pro").prices["month"]
    price.stripe_price_id = None

    with pytest.raises(PlanNotSynced):
        open_checkout(org, price=price)

    assert not CheckoutIntent.objects.exists()


def test_what_stripe_has_lost_is_made_anew(
    org: Organisation, shop: StripeEmulator
) -> None:
    first = open_checkout(org)
    lost = customer_of(org)
    price = first.price
    shop.client().v1.customers.delete(lost)
    products.retire_price(price.stripe_price_id or "")
    CheckoutIntent.objects.update(state="expired")

    again = open_checkout(org, price=Price.objects.get(pk=price.pk))

    assert again.session_url
    assert customer_of(org) != lost
    assert FormerCustomer.objects.get().stripe_id == lost
    assert again.price.stripe_price_id != price.stripe_price_id
    assert not products.has_price(price.stripe_price_id or "")
    assert not products.has_price("")


def test_a_checkout_whose_id_was_never_kept_is_found_by_its_own(
    org: Organisation, shop: StripeEmulator
) -> None:
    intent = open_checkout(org)
    session_id = intent.stripe_session_id or ""
    Event.objects.all().delete()
    CheckoutIntent.objects.update(stripe_session_id=None, session_url="")
    shop.pay_checkout(intent.session_url)

    found = services.fulfil_checkout(session_id)

    assert (found.pk, found.state) == (intent.pk, "complete")
    assert found.stripe_session_id == session_id
    assert Event.objects.filter(name="CheckoutStarted").count() == 1
    assert entitlements_for(org.pk).plan == "pro"


def test_a_checkout_of_another_project_is_unknown(
    org: Organisation, shop: StripeEmulator
) -> None:
    intent = open_checkout(org)
    session_id = intent.stripe_session_id or ""
    CheckoutIntent.objects.all().delete()

    for unknown in (session_id, "cs_test_nowhere"):
        with pytest.raises(UnknownCheckout):
            services.fulfil_checkout(unknown)

    assert not CheckoutIntent.objects.exists()


def test_a_checkout_that_is_about_to_end_is_replaced(org: Organisation) -> None:
    first = open_checkout(org)
    soon = timezone.now() + services.MARGIN - timedelta(seconds=1)
    CheckoutIntent.objects.update(expires_at=soon)

    second = open_checkout(org)

    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "open")
    assert first.closed_at is not None


def test_sessions_that_were_left_open_are_closed_once(
    org: Organisation, shop: StripeEmulator
) -> None:
    intent = open_checkout(org)
    CheckoutIntent.objects.update(state="superseded")

    assert services.close_checkouts(org.pk + 1) == 0
    assert services.close_checkouts(org.pk) == 1
    assert services.close_checkouts() == 0

    session = shop.client().v1.checkout.sessions.retrieve(
        intent.stripe_session_id or ""
    )
    assert session.status == "expired"


def test_a_session_that_cannot_be_closed_now_is_closed_later(
    org: Organisation, settings: Any
) -> None:
    open_checkout(org)
    CheckoutIntent.objects.update(state="superseded")
    base, settings.STRIPE_API_BASE = settings.STRIPE_API_BASE, "http://127.0.0.1:9"

    assert services.close_checkouts() == 0

    settings.STRIPE_API_BASE = base
    assert CheckoutIntent.objects.get().closed_at is None


def test_the_portal_of_a_customer_who_is_gone_asks_for_a_purchase(
    org: Organisation, shop: StripeEmulator, buy: Callable[..., Any]
) -> None:
    buy(org, org.memberships.get().user)
    shop.client().v1.customers.delete(customer_of(org))

    with pytest.raises(NoCustomer):
        services.open_portal(org, return_path="/", language="en")

    assert BillingAccount.objects.get().stripe_customer_id is None


def test_the_portal_opens_without_a_configuration_of_ours(
    org: Organisation, buy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(org, org.memberships.get().user)
    monkeypatch.setattr(portal, "MARK", "of another project")

    link = services.open_portal(org, return_path="/", language="de")

    assert link.startswith("http")


def test_a_customer_deleted_there_is_forgotten_here(
    org: Organisation, shop: StripeEmulator
) -> None:
    open_checkout(org)
    customer_id = customer_of(org)
    shop.client().v1.customers.delete(customer_id)

    mirror.sync_customer(customer_id)

    assert BillingAccount.objects.get().stripe_customer_id is None
    assert not forget_customer(customer_id)
    assert FormerCustomer.objects.count() == 1
    with pytest.raises(NotOurs):
        mirror.sync_customer(customer_id)


def test_what_was_never_here_leaves_no_tombstone(shop: StripeEmulator) -> None:
    assert mirror.sync_subscription("sub_nowhere") is None
    assert mirror.sync_invoice("in_nowhere") is None
    assert mirror.sync_refund("re_nowhere") is None
    assert mirror.sync_dispute("du_nowhere") is None
    assert mirror.sync_credit_note("cn_nowhere") is None

    assert not Subscription.objects.exists()


def test_a_newer_copy_outlives_a_late_tombstone(
    org: Organisation, shop: StripeEmulator, buy: Callable[..., Any]
) -> None:
    row = buy(org, org.memberships.get().user)
    later = timezone.now() + timedelta(minutes=5)
    Subscription.objects.update(stripe_id="sub_gone", fetched_at=later)

    found = mirror.sync_subscription("sub_gone")

    assert found == row
    assert found is not None
    assert (found.status, found.missing_at) == ("active", None)


def test_a_plan_that_is_given_while_stripe_is_asked_is_not_bought_too(
    org: Organisation, shop: StripeEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = services._open_session

    def given_meanwhile(intent: CheckoutIntent) -> CheckoutSession:
        session = ask(intent)
        granting.grant_plan(
            org, version=ensure_default_plans()["team"], by=None, reason="a pilot"
        )
        return session

    monkeypatch.setattr(services, "_open_session", given_meanwhile)

    with pytest.raises(AlreadySubscribed):
        open_checkout(org)

    intent = CheckoutIntent.objects.get()
    assert intent.state == "superseded"
    assert intent.closed_at is not None
    (session,) = shop.client().v1.checkout.sessions.list().data
    assert session.status == "expired"


def test_a_wish_whose_session_never_came_gives_way_without_a_call(
    org: Organisation,
) -> None:
    first = open_checkout(org)
    CheckoutIntent.objects.update(stripe_session_id=None, session_url="")

    second = open_checkout(org, price=offer_for("pro").prices["year"])

    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "open")
    assert first.closed_at is None


def test_a_session_that_ended_there_is_taken_as_closed(
    org: Organisation, shop: StripeEmulator
) -> None:
    intent = open_checkout(org)
    shop.client().v1.checkout.sessions.expire(intent.stripe_session_id or "")
    CheckoutIntent.objects.update(state="superseded")

    assert services.close_checkouts() == 1

    intent.refresh_from_db()
    assert intent.closed_at is not None
    assert intent.state == "superseded"
