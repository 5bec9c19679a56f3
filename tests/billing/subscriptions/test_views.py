"""The pages of buying: for whom they open, and what they say."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, Organisation
from accounts.queries import personal_organisation
from accounts.services import add_member
from billing.ledger.services import record_invoice
from billing.plans.models import Plan
from billing.plans.services import ensure_default_plans
from billing.stripe import adapter
from billing.stripe.exceptions import StripeUnavailable
from billing.subscriptions import mirror
from billing.subscriptions.models import CheckoutIntent, Subscription
from entitlements.queries import entitlements_for
from tests.factories.billing import (
    customer_of,
    default_price,
    fetched_subscription,
    invoice_record,
    team_of,
)
from tests.factories.growth import keep_nobody_out
from tests.fakes.stripe_emulator import StripeEmulator
from tests.signing_in import age_sign_in, browser_of, record_sign_in


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    record_sign_in(client, user)
    return client


def order(client: Client, org: Organisation, **fields: str) -> Any:
    wanted = {"org": org.slug, "interval": "month", "seats": "1"}
    wanted["price"] = "pro_v1_month_usd"
    return client.post("/billing/checkout/pro/", {**wanted, **fields})


def test_the_pricing_page_shows_what_is_on_offer(
    db: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ensure_default_plans()

    # One of them for the name of the plan that the answer about cancelling names.
    with django_assert_max_num_queries(5):
        page = Client().get("/pricing/").content.decode()

    assert "$20.00" in page
    assert "$125.00" in page
    assert "/billing/checkout/team/?interval=month&amp;seats=5" in page


def test_the_year_and_the_seats_are_in_the_address(db: None) -> None:
    ensure_default_plans()

    page = Client().get("/pricing/?interval=year&seats=10").content.decode()

    assert "$16.67" in page
    assert "$2,500.00" in page
    assert "−17" in page


@pytest.mark.parametrize(
    "query",
    [
        "interval=&seats=",
        "tokens_in=nan",
        "tokens_in=1e999&price_in=1",
        "tokens_in=abc",
    ],
)
def test_odd_addresses_show_the_usual_page(db: None, query: str) -> None:
    ensure_default_plans()

    assert Client().get(f"/pricing/?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("interval=never&seats=2", "interval"),
        ("seats=x", "seats"),
        ("seats=-1", "seats"),
        ("seats=99999999999", "seats"),
    ],
)
def test_a_value_no_plan_can_have_is_refused_by_its_name(
    db: None, query: str, field: str
) -> None:
    ensure_default_plans()

    answer = Client().get(f"/pricing/?{query}")

    assert answer.status_code == 400
    assert f"“{field}”" in answer.content.decode()


def test_an_estimate_names_the_plan_that_covers_it(db: None) -> None:
    ensure_default_plans()

    page = Client().get(
        "/pricing/?tokens_in=10&price_in=0.5&tokens_out=2&price_out=1.5"
    )

    assert page.context["estimate"].nano == 8 * 10**9
    assert page.context["estimate_plan"].offer.plan.key == "pro"


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


def test_the_console_calls_the_free_plan_what_the_catalogue_calls_it(
    person: Callable[..., Any],
) -> None:
    ensure_default_plans()
    Plan.objects.filter(key="free").update(name="Hobby")
    ada = person("ada")
    org, client = personal_organisation(ada), signed_in(ada)

    billing = client.get(f"/console/{org.slug}/billing/").content.decode()
    overview = client.get(f"/console/{org.slug}/_plan/").content.decode()

    assert '<h2 id="plan-title">Hobby</h2>' in billing
    assert "Plan: Hobby" in overview
    assert "Community" not in overview


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


def test_the_portal_opens_for_the_purse_alone(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada, ben, eve = person("ada"), person("ben"), person("eve")
    team = team_of(ada)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    url = f"/console/{team.slug}/billing/portal/"
    before = signed_in(ada).post(url)
    buy(team, ada, plan="team", seats=2)

    opened = signed_in(ada).post(url)

    assert before.status_code == 409
    assert opened["Location"].startswith(shop.url)
    assert signed_in(ada).get(url).status_code == 405
    assert signed_in(ben).post(url).status_code == 403
    assert signed_in(eve).post(url).status_code == 404


def test_strangers_do_not_find_the_billing_page(person: Callable[..., Any]) -> None:
    ada, ben, eve = person("ada"), person("ben"), person("eve")
    team = team_of(ada)
    add_member(team, user=ben, role=Membership.Role.MEMBER)

    for path in ("billing/", "billing/invoices.csv"):
        url = f"/console/{team.slug}/{path}"
        assert signed_in(ada).get(url).status_code == 200
        assert signed_in(ben).get(url).status_code == 403
        assert signed_in(eve).get(url).status_code == 404
        assert Client().get(url).status_code == 302


def test_the_billing_page_asks_as_often_for_thirty_invoices_as_for_one(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    client = signed_in(ada)
    org = personal_organisation(ada)
    copy = fetched_subscription(org, default_price("pro"))
    mirror.apply_subscription(copy, fetched_at=timezone.now())
    url = f"/console/{org.slug}/billing/"
    _invoices(org, 1)
    client.get(url)
    few = _count(client, url)

    _invoices(org, 30)

    assert _count(client, url) == few
    assert few <= 14


def test_the_second_page_of_invoices_follows_the_first(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    _invoices(org, 25)
    client = signed_in(ada)

    first = client.get(f"/console/{org.slug}/billing/").context["invoices"]
    second = client.get(
        f"/console/{org.slug}/billing/", {"cursor": first.next_cursor}
    ).context["invoices"]

    numbers = [invoice.pk for invoice in [*first.items, *second.items]]
    assert (len(first.items), len(second.items)) == (20, 5)
    assert len(set(numbers)) == 25


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "past_due"}, "The last payment failed"),
        ({"cancel_at_period_end": True}, "Cancelled: the plan ends on"),
        ({"status": "incomplete"}, "Waiting for payment"),
        ({"status": "paused"}, "paused"),
        ({"status": "from_the_future"}, "from_the_future"),
        ({}, "Next renewal"),
    ],
)
def test_the_billing_page_says_what_needs_attention(
    person: Callable[..., Any], fields: dict[str, Any], words: str
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    copy = fetched_subscription(org, default_price("pro"), **fields)
    mirror.apply_subscription(copy, fetched_at=timezone.now())

    page = signed_in(ada).get(f"/console/{org.slug}/billing/")

    assert words in page.content.decode()


def test_the_table_of_invoices_can_be_taken_home(person: Callable[..., Any]) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    _invoices(org, 2)

    response = signed_in(ada).get(f"/console/{org.slug}/billing/invoices.csv")
    lines = response.getvalue().decode("utf-8-sig").splitlines()

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert len(lines) == 3
    assert ",2000,0,0,2000,2000,0," in lines[1]


def test_the_plan_in_the_overview_hides_money_from_members(
    person: Callable[..., Any],
) -> None:
    ada, ben = person("ada"), person("ben")
    team = team_of(ada)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    copy = fetched_subscription(team, default_price("team"), quantity=3)
    mirror.apply_subscription(copy, fetched_at=timezone.now())

    mine = signed_in(ada).get(f"/console/{team.slug}/_plan/").content.decode()
    his = signed_in(ben).get(f"/console/{team.slug}/_plan/").content.decode()

    assert "Renews on" in mine
    assert "Team" in his
    assert "Renews on" not in his
    assert "/billing/" not in his


def test_the_nudge_goes_away_with_the_plan(person: Callable[..., Any]) -> None:
    keep_nobody_out()
    ada = person("ada")
    org = personal_organisation(ada)
    client = signed_in(ada)
    url = f"/console/{org.slug}/_upgrade/"
    before = client.get(url).content.decode()

    copy = fetched_subscription(org, default_price("pro"))
    mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert "See the plans" in before
    assert client.get(url).content.decode().strip() == ""
    assert Subscription.objects.get().seats == 1


def _invoices(org: Organisation, count: int) -> None:
    customer_of(org)
    for number in range(count):
        record = invoice_record(issued_at=timezone.now() - timedelta(days=number))
        record_invoice(
            record,
            organisation_id=org.pk,
            user_id=None,
            fetched_at=timezone.now(),
        )


def _count(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)
