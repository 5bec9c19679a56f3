"""Which organisation and which model the playground begins with."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from accounts.models import Membership
from accounts.queries import current_organisation
from accounts.services import add_member, choose_organisation, create_organisation
from accounts.wishes import wish_of
from entitlements.features import Features
from entitlements.services import replace_for
from inference.catalog.models import Model
from inference.gateway.eligibility import pricing_url
from tests.factories.inference import offered_model

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


def chosen(client: Client, path: str = "/playground/") -> tuple[str, str]:
    """Return the organisation and the model the page has chosen."""
    html = client.get(path).content.decode()
    found = []
    for name in ("organisation", "model"):
        choice = html.split(f'name="{name}"')[1].split("</select>")[0]
        selected = re.search(r'value="([^"]*)" selected', choice)
        found.append(selected[1] if selected else "")
    return found[0], found[1]


@pytest.fixture
def erin(person: Person) -> Any:
    offered_model("small")
    offered_model("large", edition=Model.Edition.PREMIUM)
    owner = person("erin")
    team = create_organisation("Northwind", owner=owner)
    replace_for(team.pk, Features(plan="team", premium_models=True), source="test")
    owner.refresh_from_db()
    return owner


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_it_begins_with_the_organisation_its_reader_works_in(erin: Any) -> None:
    client = signed_in(erin)

    assert chosen(client)[0] == "northwind"
    client.get("/console/erin/")
    assert chosen(client)[0] == "erin"


def test_the_address_may_name_another_of_their_own(erin: Any) -> None:
    client = signed_in(erin)

    assert chosen(client, "/playground/?organisation=erin")[0] == "erin"
    assert chosen(client, "/playground/?organisation=nobody")[0] == "northwind"


def test_who_only_pays_the_bills_calls_for_themselves(
    erin: Any, person: Person
) -> None:
    pat = person("pat")
    team = current_organisation(erin)
    add_member(team, user=pat, role=Membership.Role.BILLING)
    choose_organisation(pat, team)

    assert chosen(signed_in(pat))[0] == ""


def test_the_address_may_ask_for_a_premium_model(erin: Any) -> None:
    path = "/playground/?edition=premium&organisation=northwind"

    assert chosen(signed_in(erin), path) == ("northwind", "large")


def test_a_call_for_an_organisation_chooses_it(erin: Any) -> None:
    client = signed_in(erin)

    form = {"model": "small", "prompt": "Hello.", "organisation": "erin", "live": "1"}
    answer = client.post("/playground/", form)

    assert answer.status_code == 302
    erin.refresh_from_db()
    assert current_organisation(erin).slug == "erin"


def test_a_refusal_leads_to_the_plans_and_back_to_the_model() -> None:
    caller = SimpleNamespace(organisation_slug="northwind")

    address = pricing_url(caller, "vendor/large&co")  # type: ignore[arg-type]

    path = address.removeprefix(settings.SITE_URL)
    request = RequestFactory().get(path)
    assert request.path == "/pricing/"
    assert request.GET["org"] == "northwind"
    assert wish_of(request) == "/playground/?model=vendor%2Flarge%26co"
