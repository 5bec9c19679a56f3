"""The console's page of billing, its invoices, and the plan in the overview."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership, Organisation
from accounts.queries import personal_organisation
from accounts.services import add_member
from billing.ledger.services import record_invoice
from billing.plans.models import Plan
from billing.plans.services import ensure_default_plans
from billing.subscriptions import mirror
from billing.subscriptions.models import Subscription
from tests.billing.subscriptions.browsers import signed_in
from tests.factories.billing import (
    customer_of,
    default_price,
    fetched_subscription,
    invoice_record,
    team_of,
)
from tests.factories.growth import keep_nobody_out
from tests.fakes.stripe_emulator import StripeEmulator


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
