"""What costs money or gives a way in asks who it is; a screen left open does neither.

Every address that changes something of an account, an organisation or the company is in
one of the lists below: who adds one says in which.
"""

import json
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Organisation
from billing.overage.services import set_cap
from core.money import NANO
from inference.budgets.services import set_budget
from inference.keys.models import Project
from inference.keys.services import set_project
from tests.accounts.test_roles import FORM, table
from tests.accounts.world import World, build
from tests.signing_in import age_sign_in

pytestmark = pytest.mark.django_db
JSON = "application/json"
CONSOLE = "console/<slug:org>/"
REST = "api/v1/organisations/"
PLACES = (
    *("settings/", "billing/", "console/", "invitations/", "staff/"),
    *(REST, "api/v1/campaigns/", "api/v1/referrals/"),
)
# What asks whatever is sent.
ALWAYS = {
    ("POST", "settings/tokens/"),
    ("POST", "settings/data/"),
    ("POST", "settings/data/<int:pk>/download/"),
    ("POST", "settings/close/"),
    ("POST", f"{CONSOLE}members/"),
    ("POST", f"{CONSOLE}members/<int:pk>/"),
    ("POST", f"{CONSOLE}keys/create/"),
    ("POST", f"{CONSOLE}keys/<slug:public_id>/rotate/"),
    ("POST", f"{CONSOLE}keys/<slug:public_id>/revoke/"),
    ("POST", f"{CONSOLE}keys/<slug:public_id>/edit/"),
    ("POST", f"{CONSOLE}billing/change/<uuid:uuid>/"),
    ("POST", f"{CONSOLE}billing/change/drop/"),
    ("POST", f"{CONSOLE}billing/keep/"),
    ("POST", f"{CONSOLE}billing/portal/"),
    ("POST", f"{CONSOLE}quotes/<slug:quote_id>/accept/"),
    ("POST", f"{REST}<slug:org>/keys/"),
    ("DELETE", f"{REST}<slug:org>/keys/<slug:public_id>/"),
    ("POST", "api/v1/campaigns/<slug:key>/start/"),
    ("DELETE", "api/v1/campaigns/<slug:key>/pause/"),
    ("POST", "staff/models/<int:pk>/edit/"),
    ("POST", "staff/models/<int:pk>/price/"),
    ("POST", "staff/models/<int:pk>/publish/"),
    ("POST", "staff/models/<int:pk>/retire/"),
    ("POST", "staff/models/deployments/<int:place>/remove/"),
    ("POST", "staff/models/prices/<int:price>/withdraw/"),
    ("POST", "staff/grants/"),
    ("POST", "staff/grants/<int:grant>/"),
    ("POST", "staff/revenue/invoices/<int:pk>/refund/"),
    ("POST", "staff/plans/new/"),
    ("POST", "staff/plans/<slug:plan>/"),
    ("POST", "staff/plans/<slug:plan>/draft/"),
    ("POST", "staff/plans/<slug:plan>/publish/"),
    ("POST", "staff/plans/<slug:plan>/drop/"),
    ("POST", "staff/plans/<slug:plan>/archive/"),
    ("POST", "staff/credit/"),
    ("POST", "staff/credit/<slug:credit_id>/"),
    ("POST", "staff/price-lists/"),
    ("POST", "staff/price-lists/<slug:list_id>/"),
    ("POST", "staff/statements/close/"),
    ("POST", "staff/statements/<slug:statement_id>/send/"),
    ("POST", "staff/statements/<slug:statement_id>/write-off/"),
    ("POST", "staff/statements/<slug:statement_id>/take-back/"),
    ("POST", "staff/quotes/<slug:quote_id>/send/"),
    ("POST", "staff/quotes/<slug:quote_id>/ask/"),
    ("POST", "staff/approvals/<int:pk>/"),
}
# What asks before the form is shown: a key that is typed there does not wait anywhere.
FIRST = {
    ("POST", "staff/models/new/"),
    ("POST", "staff/models/<int:pk>/deployment/"),
    ("POST", "staff/models/deployments/<int:place>/"),
}
# What asks for more and never for less: what is sent that asks, and what does not.
FOR_MORE: dict[tuple[str, str], tuple[Any, Any]] = {
    ("POST", f"{CONSOLE}charges/"): ("cap=51", "cap=49"),
    ("PUT", f"{REST}<str:organisation>/charges/"): (
        {"cap_nano": 51 * NANO},
        {"cap_nano": None},
    ),
    ("POST", f"{CONSOLE}budgets/"): (
        "target=organisation&amount=50&effect=soft",
        "target=organisation&amount=49&effect=hard",
    ),
    ("PUT", f"{REST}<str:organisation>/budgets/"): (
        {"target": "organisation", "limit_nano": None},
        {"target": "organisation", "limit_nano": 50 * NANO},
    ),
    ("POST", f"{CONSOLE}projects/<slug:project_id>/"): (
        "name=Night&monthly_limit=",
        "name=Night&monthly_limit=50",
    ),
    ("POST", f"{CONSOLE}quotes/<slug:quote_id>/renewal/"): ("renews=yes", "renews=no"),
    ("POST", "staff/offers/all/<slug:key>/state/"): ("state=active", "state=retired"),
    ("POST", "staff/offers/campaigns/<slug:key>/state/"): ("act=start", "act=stop"),
    ("POST", "staff/offers/experiments/<slug:key>/state/"): ("act=start", "act=stop"),
    ("POST", "staff/referrals/<int:pk>/"): (
        "verdict=reward&note=Fine",
        "verdict=refuse&note=No",
    ),
}
# What never asks, or only where its own tests say so.
FREE = {
    "one's own looks, wishes and ends": (
        "settings/profile/",
        "settings/invite/",
        "settings/trust/",
        "settings/standing/",
        "settings/notifications/",
        "settings/history/<int:pk>/claim/",
        "settings/history/<int:pk>/release/",
        "settings/close/undo/",
        "api/v1/referrals/link/",
        "invitations/<str:token>/",
    ),
    "it takes away, and gives nothing": (
        "settings/tokens/<int:pk>/revoke/",
        f"{CONSOLE}invitations/<int:pk>/withdraw/",
        f"{CONSOLE}cache/empty/",
        f"{CONSOLE}responses/off/",
        f"{CONSOLE}transcripts/off/",
        f"{CONSOLE}transcripts/<str:request_id>/delete/",
        f"{CONSOLE}billing/cancel/",
        f"{CONSOLE}quotes/<slug:quote_id>/decline/",
        "api/v1/campaigns/<slug:key>/stop/",
        "staff/quotes/<slug:quote_id>/withdraw/",
        "staff/approvals/<int:pk>/withdraw/",
        "staff/circuits/<int:place>/pause/",
        "staff/circuits/<int:place>/close/",
    ),
    "it says that a secret was copied": (
        "settings/tokens/<int:pk>/secret/",
        f"{CONSOLE}keys/<slug:public_id>/secret/",
    ),
    "it is a wish or a draft, and another act makes it true": (
        f"{CONSOLE}billing/change/",
        f"{CONSOLE}quotes/ask/",
        f"{CONSOLE}quotes/<slug:quote_id>/buyer/",
        "api/v1/campaigns/",
        "api/v1/campaigns/<slug:key>/",
        "staff/quotes/new/",
        "staff/quotes/<slug:quote_id>/",
        "staff/quotes/<slug:quote_id>/buyer/",
        "staff/offers/new/",
        "staff/offers/campaigns/new/",
        "staff/offers/campaigns/<slug:key>/edit/",
        "staff/offers/experiments/new/",
        "staff/conversion/price-lab/new/",
        "staff/conversion/price-lab/<int:candidate>/replay/",
        "staff/conversion/price-lab/<int:candidate>/drop/",
    ),
    "it asks where there is a card, or where the offer is active: their own tests": (
        "billing/checkout/<slug:plan>/",
        "staff/offers/all/<slug:key>/",
    ),
    "it chooses among offers that have their budgets": (
        "staff/offers/moments/<slug:moment>/",
    ),
    "a bound around it holds": (
        "console/new/",
        f"{CONSOLE}projects/",
        f"{CONSOLE}settings/",
        f"{CONSOLE}requests/<str:request_id>/ask/",
        f"{CONSOLE}responses/",
        f"{CONSOLE}transcripts/",
    ),
    "staff look after what runs, and what they know of": (
        "staff/operations/",
        "staff/circuits/<int:place>/resume/",
        "staff/models/deployments/<int:place>/test/",
        "staff/revenue/cases/<int:pk>/close/",
        "staff/docs/",
        "staff/leads/",
        "staff/analytics/",
        "staff/conversion/rates/",
        "staff/conversion/organisations/",
        "staff/conversion/people/",
        "staff/conversion/scenarios/",
    ),
}
# Pausing is free, and going on is not.
FREE_ACTS = {("PUT", "api/v1/campaigns/<slug:key>/pause/")}
# Whole folders of pages; everything else is named to the letter.
FOLDERS = tuple(
    place
    for places in FREE.values()
    for place in places
    if place.startswith("staff/") and place.count("<") == 0 and place.count("/") < 4
)


@pytest.fixture
def world(db: None) -> World:
    """A world whose organisation has a cap and budgets of fifty dollars."""
    made = build()
    team, owner = Organisation.objects.get(name="Northwind"), made.people["owner"]
    set_cap(team, cap_nano=50 * NANO, by=owner)
    set_budget(team, "organisation", limit_nano=50 * NANO, is_hard=True, by=owner)
    project = Project.objects.get(organisation=team)
    set_project(project, name="Night", monthly_limit_nano=50 * NANO, by=owner)
    return made


def acts() -> set[tuple[str, str]]:
    """Return what is changed by whom: method and route."""
    return {
        (method, route)
        for (method, route), answers in table().items()
        if method != "GET" and route.startswith(PLACES) and "405" not in answers
    }


def is_asked(world: World, act: tuple[str, str], sent: Any = "") -> bool:
    """Send a form from a screen that was left open, and tell whether it asks."""
    method, route = act
    is_staffs = route.startswith(("staff/", "api/v1/campaigns/"))
    client = world.client("staff" if is_staffs else "owner")
    # The sign-ins of a world are an hour ahead of now.
    age_sign_in(client, minutes=66)
    body, kind = (sent, FORM) if isinstance(sent, str) else (json.dumps(sent), JSON)
    with transaction.atomic():
        answer: Any = client.generic(
            method, world.address(route), body, content_type=kind
        )
        transaction.set_rollback(True)
    if route.startswith("api/"):
        told = answer.json() if answer.content else {}
        return bool(told.get("code") == "recent_sign_in_required")
    return "reauthenticate" in answer.get("Location", "")


def test_every_act_is_in_one_list() -> None:
    free = {place for places in FREE.values() for place in places}
    listed = ALWAYS | FIRST | FOR_MORE.keys() | FREE_ACTS
    others = {
        route
        for method, route in acts() - listed
        if route not in free and not route.startswith(FOLDERS)
    }

    assert others == set()
    assert listed <= acts()
    assert not {route for _method, route in listed - FREE_ACTS} & free


@pytest.mark.timeout(600)
def test_what_costs_or_opens_something_asks_who_it_is(world: World) -> None:
    unasked = {act for act in ALWAYS if not is_asked(world, act)}

    assert unasked == set()


def test_where_a_key_is_typed_it_asks_before(world: World) -> None:
    shown = {("GET", route) for _method, route in FIRST}

    assert {act for act in shown if not is_asked(world, act)} == set()


@pytest.mark.timeout(600)
def test_what_costs_nothing_is_never_in_the_way(world: World) -> None:
    free = {place for places in FREE.values() for place in places}
    others = {act for act in acts() - ALWAYS - FOR_MORE.keys() if act[1] in free}

    assert {act for act in others | FREE_ACTS if is_asked(world, act)} == set()


@pytest.mark.timeout(600)
def test_more_asks_and_less_does_not(world: World) -> None:
    unasked = {
        act for act, (more, _) in FOR_MORE.items() if not is_asked(world, act, more)
    }
    asked = {act for act, (_, less) in FOR_MORE.items() if is_asked(world, act, less)}

    assert (unasked, asked) == (set(), set())
