"""What opens something to whoever knows it is in no log, table or file of visits."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.urls import reverse

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import create_organisation, invite_member
from activity.models import Event, Visitor
from activity.services import flush_buffer
from billing.plans.services import ensure_default_plans
from billing.quotes.signing import link_token
from core.addresses import SECRET_PARAMETERS
from inference.playground.services import share as share_chat
from notifications.models import Kind
from notifications.tokens import unsubscribe_token
from tests.accounts.test_roles import routes
from tests.activity.conftest import Browser
from tests.factories import playground
from tests.factories.accounts import with_seats
from tests.factories.quotes import quote_of

pytestmark = pytest.mark.django_db

# What names a thing and opens nothing: its page asks who comes, or shows it to all.
NAMES = frozenset(
    {
        *("address", "answer", "candidate", "cause", "chat_id", "code", "credit_id"),
        *(
            "digest",
            "grant",
            "kind",
            "list_id",
            "moment",
            "number",
            "org",
            "organisation",
        ),
        *("page", "path", "pk", "place", "plan", "price", "project_id", "provider_id"),
        *("public_id", "quote_id", "request_id", "scenario", "section", "slug"),
        *("source", "statement", "statement_id", "surface", "tag", "tile", "uidb36"),
        *("username", "uuid", "version"),
    }
)


@pytest.fixture
def links(person: Callable[..., Any]) -> dict[str, str]:
    """Return addresses that open something, each with its secret."""
    ensure_default_plans()
    ada = person("ada")
    own = personal_organisation(ada)
    team = with_seats(create_organisation("Northwind", owner=ada), 5)
    _invitation, token = invite_member(
        team,
        email="guest@away.test",
        role="member",
        by=Membership.objects.get(organisation=team, user=ada),
    )
    quote = link_token(quote_of(own, ada))
    chat = playground.chat(ada, columns=["doorstone-docs"], organisation=own)
    share_chat(chat, "public", organisation=None)
    chat.refresh_from_db()
    address = EmailAddress.objects.create(user=ada, email="new@example.test")
    confirmation = EmailConfirmationHMAC(address).key
    stop = unsubscribe_token(ada, Kind.REPLY)
    return {
        reverse("accounts:invitation-accept", args=[token]): token,
        reverse("quotes:open-detail", args=[quote]): quote,
        reverse("playground:shared", args=[chat.share_token]): chat.share_token,
        reverse("account_confirm_email", args=[confirmation]): confirmation,
        reverse("notifications:unsubscribe", args=[stop]): stop,
    }


def test_addresses_that_open_something_are_kept_without_their_secret(
    links: dict[str, str], browser_of: Browser
) -> None:
    for address in links:
        assert browser_of().get(address).status_code == 200
        browser_of("curl/8.1").get(address)
    flush_buffer()

    kept = [visitor.landing_path for visitor in Visitor.objects.all()]
    seen = [event.path for event in Event.objects.filter(name="page_viewed")]
    fetched = [event.path for event in Event.objects.filter(name="page_fetched")]
    masked = sorted(address.replace(links[address], "…") for address in links)
    assert sorted(kept) == sorted(seen) == sorted(fetched) == masked


def test_every_part_of_an_address_is_known_as_a_name_or_as_a_secret() -> None:
    """A new route that carries a secret says so by what it calls that part."""
    found = {
        name for route in routes() for name in re.findall(r"<(?:\w+:)?(\w+)>", route)
    }

    assert found - NAMES - SECRET_PARAMETERS == set()
    assert found >= SECRET_PARAMETERS
