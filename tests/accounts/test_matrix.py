"""Who gets which answer, for every address that belongs to an organisation.

What somebody may not see is not there (404); what they see but may not do is
refused (403); a stranger to the product is asked to sign in.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Membership, Organisation
from accounts.services import add_member, create_organisation, invite_member
from tests.factories.accounts import with_seats
from tests.factories.inference import key_of

pytestmark = pytest.mark.django_db

ROLES = ("anonymous", "stranger", "member", "billing", "admin", "owner", "staff")
CONSOLE = "console/<slug:org>/"
REST = "api/v1/organisations/"
# The order of the columns is that of ROLES.
SEE = (302, 404, 200, 200, 200, 200, 200)
PAGES = {
    ("GET", CONSOLE): SEE,
    ("GET", f"{CONSOLE}members/"): SEE,
    ("POST", f"{CONSOLE}members/"): (302, 404, 403, 403, 422, 422, 403),
    ("POST", f"{CONSOLE}members/<int:pk>/"): (302, 404, 403, 403, 302, 302, 403),
    ("POST", f"{CONSOLE}invitations/<int:pk>/withdraw/"): (
        *(302, 404, 403, 403),
        *(302, 302, 403),
    ),
    ("GET", f"{CONSOLE}settings/"): SEE,
    ("POST", f"{CONSOLE}settings/"): (302, 404, 403, 403, 422, 422, 403),
    ("GET", f"{CONSOLE}audit/"): (302, 404, 403, 403, 200, 200, 403),
    # The free plan has no audit log to take away.
    ("GET", f"{CONSOLE}audit/records.csv"): (302, 404, 403, 403, 403, 403, 403),
    ("GET", f"{CONSOLE}usage/"): SEE,
    ("GET", f"{CONSOLE}usage/log.csv"): SEE,
    ("GET", f"{CONSOLE}usage/table.csv"): SEE,
    ("GET", f"{CONSOLE}_usage/"): SEE,
    ("GET", f"{CONSOLE}_steps/"): SEE,
    ("GET", f"{CONSOLE}keys/"): (302, 404, 200, 403, 200, 200, 200),
    ("POST", f"{CONSOLE}keys/create/"): (302, 404, 422, 403, 422, 422, 403),
    # Nothing was made in this session, so there is nothing to show: back to the keys.
    ("GET", f"{CONSOLE}keys/<slug:public_id>/secret/"): (
        *(302, 404, 302, 403),
        *(302, 302, 403),
    ),
    ("POST", f"{CONSOLE}keys/<slug:public_id>/secret/"): (
        *(302, 404, 302, 403),
        *(302, 302, 403),
    ),
    ("POST", f"{CONSOLE}keys/<slug:public_id>/rotate/"): (
        *(302, 404, 302, 403),
        *(302, 302, 403),
    ),
    ("POST", f"{CONSOLE}keys/<slug:public_id>/revoke/"): (
        *(302, 404, 302, 403),
        *(302, 302, 403),
    ),
    ("GET", f"{CONSOLE}billing/"): (302, 404, 403, 200, 403, 200, 200),
    # Nobody has paid yet, so there is nothing to manage at Stripe: 409.
    ("POST", f"{CONSOLE}billing/portal/"): (302, 404, 403, 409, 403, 409, 403),
    ("GET", f"{CONSOLE}billing/invoices.csv"): (302, 404, 403, 200, 403, 200, 200),
    ("GET", f"{CONSOLE}_plan/"): SEE,
    ("GET", f"{CONSOLE}_upgrade/"): SEE,
    ("GET", f"{REST}<slug:org>/keys/"): (401, 404, 200, 403, 200, 200, 403),
    ("POST", f"{REST}<slug:org>/keys/"): (401, 404, 400, 403, 400, 400, 403),
    ("DELETE", f"{REST}<slug:org>/keys/<slug:public_id>/"): (
        *(401, 404, 204, 403),
        *(204, 204, 403),
    ),
    ("GET", f"{REST}<slug:org>/usage/"): (401, 404, 200, 200, 200, 200, 200),
    ("GET", f"{REST}<str:organisation>/subscription/"): (
        *(401, 404, 403, 200),
        *(403, 200, 200),
    ),
}


@dataclass
class Northwind:
    """A team with somebody in every role, and who stands outside."""

    team: Organisation
    people: dict[str, Any]
    key: Any
    invitation: Any

    def address(self, pattern: str) -> str:
        member = self.team.memberships.get(user=self.people["newcomer"])
        pk = self.invitation.pk if "invitations" in pattern else member.pk
        return "/" + (
            pattern.replace("<slug:org>", self.team.slug)
            .replace("<str:organisation>", self.team.public_id)
            .replace("<int:pk>", str(pk))
            .replace("<slug:public_id>", self.key.public_id)
        )


@pytest.fixture
def northwind(person: Callable[..., Any]) -> Northwind:
    owner = person("owner")
    team = with_seats(create_organisation("Northwind", owner=owner), 10)
    people = {"owner": owner, "stranger": person("stranger")}
    people["staff"] = person("staff", is_staff=True)
    for role in (
        Membership.Role.MEMBER,
        Membership.Role.BILLING,
        Membership.Role.ADMIN,
    ):
        people[role.value] = person(role.value)
        add_member(team, user=people[role.value], role=role)
    people["newcomer"] = person("newcomer")
    add_member(team, user=people["newcomer"])
    invitation, _token = invite_member(
        team,
        email="x@example.test",
        role="member",
        by=team.memberships.get(user=owner),
    )
    return Northwind(team, people, key_of(team, owner), invitation)


def organisation_patterns(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Yield every route that names an organisation."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from organisation_patterns(entry, route)
        elif isinstance(entry, URLPattern) and (
            "<slug:org>" in route or ":organisation>" in route
        ):
            yield route


def test_the_table_knows_every_address() -> None:
    assert set(organisation_patterns()) == {route for _method, route in PAGES}


@pytest.mark.parametrize(("method", "route"), list(PAGES))
def test_everybody_gets_the_answer_of_the_table(
    method: str, route: str, northwind: Northwind
) -> None:
    address = northwind.address(route)

    answers = {role: ask(method, address, northwind, role) for role in ROLES}

    expected = dict(zip(ROLES, PAGES[method, route], strict=True))
    assert {role: answer.status_code for role, answer in answers.items()} == expected
    assert answers["anonymous"].get("Location", LOGIN).startswith(LOGIN)


LOGIN = "/accounts/login/?next=/"
FORM = "application/x-www-form-urlencoded"


def ask(method: str, address: str, northwind: Northwind, role: str) -> Any:
    """Return the answer to one request, and undo what it did."""
    client = Client()
    with transaction.atomic():
        if role != "anonymous":
            enter(client, northwind.people[role])
        answer = client.generic(method, address, content_type=FORM)
        transaction.set_rollback(True)
    return answer


def enter(client: Client, user: Any) -> None:
    """Sign somebody in as the form does: just now, by password."""
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time()}
    ]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
