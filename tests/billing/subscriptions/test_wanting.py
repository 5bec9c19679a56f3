"""For whom a plan is offered, and where a purchase leads back to."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation
from accounts.queries import current_organisation, personal_organisation
from accounts.services import choose_organisation, create_organisation
from billing.plans.services import ensure_default_plans
from billing.subscriptions.models import CheckoutIntent
from entitlements.features import Features
from entitlements.services import replace_for
from tests.billing.subscriptions.browsers import signed_in
from tests.factories.growth import keep_nobody_out
from tests.fakes.stripe_emulator import StripeEmulator

Person = Callable[..., Any]
WISH = "/playground/?model=qwen%2Fqwen2.5&organisation=northwind"


@pytest.fixture
def erin(person: Person) -> Any:
    """Return the owner of a paid team, Northwind."""
    ensure_default_plans()
    owner = person("erin")
    team = create_organisation("Northwind", owner=owner)
    replace_for(team.pk, Features(plan="team", premium_models=True), source="test")
    owner.refresh_from_db()
    return owner


def links(client: Client, path: str) -> list[str]:
    html = client.get(path).content.decode()
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]


def chosen_organisation(html: str) -> str:
    form = html.split('name="org"')[1].split("</select>")[0]
    found = re.search(r'value="([^"]+)" selected', form)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("works_in", ["northwind", "erin"])
def test_an_owner_of_a_paid_team_is_offered_no_plan(
    erin: Any, person: Person, works_in: str
) -> None:
    keep_nobody_out()
    ben = person("ben")
    choose_organisation(erin, Organisation.objects.get(slug=works_in))

    offered = {
        name: "See the plans"
        in signed_in(user).get(f"/console/{name}/_upgrade/").content.decode()
        for name, user in (("ben", ben), ("northwind", erin), ("erin", erin))
    }

    assert offered == {"ben": True, "northwind": False, "erin": False}


def test_pricing_offers_plans_to_the_organisation_that_has_none(erin: Any) -> None:
    client = signed_in(erin)

    shown = links(client, "/pricing/")
    choose_organisation(erin, personal_organisation(erin))
    offered = [link for link in links(client, "/pricing/") if "/checkout/" in link]

    assert not [link for link in shown if "/checkout/" in link]
    assert "/console/northwind/billing/" in shown
    assert offered
    assert all("org=erin" in link for link in offered)


def test_who_has_the_models_elsewhere_is_sent_there(erin: Any) -> None:
    choose_organisation(erin, personal_organisation(erin))

    html = signed_in(erin).get("/console/erin/_upgrade/").content.decode()

    assert "/playground/?edition=premium&amp;organisation=northwind" in html


def test_the_pricing_page_says_which_plan_is_ones_own(erin: Any) -> None:
    html = signed_in(erin).get("/pricing/").content.decode()

    assert "The plan of Northwind" in html


def test_an_order_is_for_the_organisation_somebody_works_in(person: Person) -> None:
    ensure_default_plans()
    ada = person("ada")
    create_organisation("<b>Team</b>", owner=ada)
    team = create_organisation("Zebra", owner=ada)
    client = signed_in(ada)
    client.get("/console/ada/")

    for_one = client.get("/billing/checkout/pro/").content.decode()
    client.get(f"/console/{team.slug}/")
    for_team = client.get("/billing/checkout/team/").content.decode()

    assert chosen_organisation(for_one) == "ada"
    assert chosen_organisation(for_team) == "zebra"


def test_pricing_takes_the_organisation_of_the_key_that_was_refused(
    person: Person,
) -> None:
    ensure_default_plans()
    ada = person("ada")
    team = create_organisation("Zebra", owner=ada)
    choose_organisation(ada, personal_organisation(ada))

    shown = links(signed_in(ada), f"/pricing/?org={team.slug}&next=/forum/")

    assert any("org=zebra" in link and "next=%2Fforum%2F" in link for link in shown)
    ada.refresh_from_db()
    assert current_organisation(ada) == team


def test_a_foreign_organisation_in_the_address_changes_nothing(
    erin: Any, person: Person
) -> None:
    ada = person("ada")

    html = signed_in(ada).get("/pricing/?org=northwind").content.decode()

    assert "Northwind" not in html
    ada.refresh_from_db()
    assert ada.current_organisation is None


def test_a_purchase_leads_back_to_what_it_was_for(
    shop: StripeEmulator, person: Person
) -> None:
    client = signed_in(person("ada"))
    pricing = client.get("/pricing/", {"next": WISH}).content.decode()
    choose = re.search(r'href="(/billing/checkout/pro/[^"]+)"', pricing)
    assert choose is not None
    review = client.get(unescape(choose[1])).content.decode()
    form = re.split(r'method="post"\s+action="/billing/checkout/', review)[1].split(
        "</form>"
    )[0]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))

    # The page's own form, as a browser without scripts sends it.
    sent = {name: unescape(value) for name, value in fields.items()}
    answer = client.post("/billing/checkout/pro/", sent)
    assert answer.status_code == 303
    shop.pay_checkout(answer["Location"])
    session = CheckoutIntent.objects.get().stripe_session_id
    outcome = client.get(f"/billing/return/?session_id={session}").content.decode()

    assert f'href="{WISH.replace("&", "&amp;")}"' in outcome
    again = client.get(f"/billing/return/?session_id={session}").content.decode()
    assert "Go on where you were" in again


def test_a_purchase_without_a_wish_leads_to_a_premium_model(
    shop: StripeEmulator, person: Person
) -> None:
    client = signed_in(person("ada"))
    order = {"org": "ada", "interval": "month", "seats": "1"}

    answer = client.post(
        "/billing/checkout/pro/", {**order, "price": "pro_v1_month_usd"}
    )
    shop.pay_checkout(answer["Location"])
    session = CheckoutIntent.objects.get().stripe_session_id
    outcome = client.get(f"/billing/return/?session_id={session}").content.decode()

    assert "/playground/?edition=premium&amp;organisation=ada" in outcome


def test_a_foreign_wish_is_dropped_on_the_way(person: Person) -> None:
    ensure_default_plans()
    client = signed_in(person("ada"))

    for page in ("/pricing/", "/billing/checkout/pro/"):
        html = client.get(page, {"next": "https://evil.test/"}).content.decode()
        carried = re.findall(r'href="[^"]*evil|name="next" value="https', html)
        assert carried == []
