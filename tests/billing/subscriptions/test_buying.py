"""The pages of buying: for whom they open, and what they say."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Organisation
from accounts.queries import personal_organisation
from accounts.services import add_member
from billing.plans.services import ensure_default_plans
from billing.stripe import adapter
from billing.stripe.exceptions import StripeUnavailable
from billing.subscriptions import mirror
from billing.subscriptions.models import CheckoutIntent, Subscription
from entitlements.queries import entitlements_for
from tests.billing.subscriptions.browsers import signed_in
from tests.factories.billing import team_of
from tests.fakes.stripe_emulator import StripeEmulator
from tests.signing_in import age_sign_in, browser_of


def order(client: Client, org: Organisation, **fields: str) -> Any:
    wanted = {"org": org.slug, "interval": "month", "seats": "1"}
    wanted["price"] = "pro_v1_month_usd"
    return client.post("/billing/checkout/pro/", {**wanted, **fields})


def test_buying_needs_a_name(db: None) -> None:
    ensure_default_plans()

    response = Client().get("/billing/checkout/pro/?interval=year")

    assert response.status_code == 302
    assert "next=/billing/checkout/pro/%3Finterval%3Dyear" in response["Location"]


def test_the_review_shows_what_is_due_today(person: Callable[..., Any]) -> None:
    ensure_default_plans()
    ada = person("ada")
    team_of(ada)

    page = signed_in(ada).get("/billing/checkout/team/?interval=year&seats=4")

    assert page.context["total"] == 100_000
    assert page.context["organisation"].name == "Northwind"
    assert "$1,000.00" in page.content.decode()
    assert CheckoutIntent.objects.count() == 0


@pytest.mark.parametrize(
    "query", ["seats=1", "seats=9999", "seats=x", "interval=day", "org=nobody"]
)
def test_a_wrong_order_is_explained(person: Callable[..., Any], query: str) -> None:
    ensure_default_plans()

    page = signed_in(person("ada")).get(f"/billing/checkout/team/?{query}")

    assert page.status_code == 400
    assert "total" not in page.context


def test_unknown_plans_do_not_exist_and_free_ones_are_not_sold(
    person: Callable[..., Any],
) -> None:
    ensure_default_plans()
    client = signed_in(person("ada"))

    assert client.get("/billing/checkout/gold/").status_code == 404
    assert client.get("/billing/checkout/free/")["Location"] == "/pricing/"
    assert client.get("/billing/checkout/enterprise/")["Location"] == "/pricing/"


def test_nobody_buys_for_a_stranger(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada, ben = person("ada"), person("ben")

    response = order(signed_in(ben), personal_organisation(ada))

    assert response.status_code == 400
    assert CheckoutIntent.objects.count() == 0


def test_members_without_the_purse_cannot_buy(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada, ben = person("ada"), person("ben")
    team = team_of(ada)
    add_member(team, user=ben, role=Membership.Role.ADMIN)

    response = order(signed_in(ben), team)

    assert response.status_code == 400
    assert CheckoutIntent.objects.count() == 0


def test_a_price_that_has_changed_is_shown_again(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")

    response = order(
        signed_in(ada), personal_organisation(ada), price="pro_v0_month_usd"
    )

    assert response.status_code == 409
    assert CheckoutIntent.objects.count() == 0


def test_the_whole_way_by_browser(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    client = signed_in(ada)

    sent = order(client, org)
    again = order(client, org)
    paid = shop.pay_checkout(sent["Location"])
    back = paid.headers["location"].removeprefix("http://testserver")
    first = client.get(back)
    second = client.get(back)

    assert (sent.status_code, again["Location"]) == (303, sent["Location"])
    assert sent["Location"].startswith(shop.url)
    assert (first.context["outcome"], second.context["outcome"]) == ("paid", "paid")
    assert entitlements_for(org.pk).plan == "pro"
    assert CheckoutIntent.objects.get().state == "complete"


def test_who_paid_before_confirms_who_they_are_before_the_card_of_then_pays(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    client = browser_of(ada)
    age_sign_in(client, minutes=6)
    first = order(client, org)
    paid = shop.pay_checkout(first["Location"])
    client.get(paid.headers["location"].removeprefix("http://testserver"))
    Subscription.objects.update(status=Subscription.Status.CANCELED)

    again = order(client, org)

    # A first card has to be typed at Stripe: nobody is asked twice.
    assert first.status_code == 303
    assert "reauthenticate" in again["Location"]
    assert CheckoutIntent.objects.count() == 1


def test_the_return_page_waits_while_stripe_is_silent(
    shop: StripeEmulator, person: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = person("ada")
    client = signed_in(ada)
    order(client, personal_organisation(ada))
    intent = CheckoutIntent.objects.get()
    back = f"/billing/return/?session_id={intent.stripe_session_id}"

    def silent(_id: str) -> None:
        raise StripeUnavailable

    monkeypatch.setattr(adapter, "fetch_checkout_session", silent)
    page = client.get(back)
    fragment = client.get(back, headers={"HX-Request": "true"})
    last = client.get(f"{back}&polls=30")

    assert page.status_code == 200
    assert page.context["outcome"] == "confirming"
    assert 'hx-trigger="load delay:2s"' in page.content.decode()
    assert back.replace("&", "&amp;") in page.content.decode()
    assert "<html" not in fragment.content.decode()
    assert "load delay:2s" not in last.content.decode()


def test_an_expired_checkout_says_so(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    client = signed_in(ada)
    order(client, personal_organisation(ada))
    session_id = CheckoutIntent.objects.get().stripe_session_id
    shop.client().v1.checkout.sessions.expire(session_id or "")

    page = client.get(f"/billing/return/?session_id={session_id}")

    assert page.context["outcome"] == "expired"


def test_a_checkout_of_somebody_else_does_not_exist(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada, ben = person("ada"), person("ben")
    order(signed_in(ada), personal_organisation(ada))
    session_id = CheckoutIntent.objects.get().stripe_session_id

    stranger = signed_in(ben)

    assert stranger.get(f"/billing/return/?session_id={session_id}").status_code == 404
    assert stranger.get("/billing/return/?session_id=cs_test_x").status_code == 404
    assert stranger.get("/billing/return/").status_code == 404


def test_a_second_subscription_is_refused_with_a_reason(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    buy(org, ada)

    response = order(signed_in(ada), org)

    assert response.status_code == 409
    assert "already has a subscription" in response.content.decode()


def test_an_order_whose_plan_has_ended_names_the_one_that_goes_on(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    buy(org, ada)
    row = Subscription.objects.get(organisation=org)
    shop.client().v1.subscriptions.cancel(row.stripe_id)
    mirror.sync_subscription(row.stripe_id)
    session_id = CheckoutIntent.objects.get().stripe_session_id

    page = signed_in(ada).get(f"/billing/return/?session_id={session_id}")

    assert page.context["outcome"] == "ended"
    assert "goes on with the plan Community." in page.content.decode()


def test_an_unreachable_stripe_is_said_and_nothing_is_lost(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    client = signed_in(ada)
    org = personal_organisation(ada)
    shop.post_faults(answers=[{"path": "^/v1/checkout", "status": 503, "times": 0}])

    refused = order(client, org)
    shop.post_faults()
    sent = order(client, org)

    assert refused.status_code == 503
    assert sent.status_code == 303
    assert CheckoutIntent.objects.count() == 1
