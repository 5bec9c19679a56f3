"""A small product: who is in it, and what its addresses name."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Membership
from accounts.services import add_member, create_organisation, invite_member
from accounts.tokens import create_token
from billing.plans.services import ensure_default_plans
from billing.quotes.signing import link_token
from community.conversations.services import create_conversation
from inference.keys.services import create_project
from tests.factories import forum, playground
from tests.factories.accounts import with_seats
from tests.factories.billing import grant_of
from tests.factories.growth import lead_of
from tests.factories.inference import key_of, offered_model, used
from tests.factories.overage import price_list_of, statement_of
from tests.factories.quotes import approval_of, paid_invoice, quote_of


@pytest.fixture
def people(person: Callable[..., Any]) -> dict[str, Any]:
    """Make a small product with one of everything, and who may see it."""
    ensure_default_plans()
    owner = person("owner")
    people = {
        "owner": owner,
        "member": person("member"),
        "superuser": person(
            "root", is_staff=True, is_superuser=True, is_moderator=True
        ),
    }
    team = with_seats(create_organisation("Northwind", owner=owner), 10)
    add_member(team, user=people["member"])
    return people


@pytest.fixture
def samples(people: dict[str, Any]) -> dict[str, str]:
    """Return a value for every argument an address takes."""
    owner = people["owner"]
    team = owner.memberships.get(organisation__slug="northwind").organisation
    within = forum.category(name="Help")
    topic = forum.topic(owner, category=within, tags=["keys"])
    opening = topic.posts.get(number=1)
    reply = forum.reply(topic, people["member"])
    _invitation, invited = invite_member(
        team,
        email="x@example.test",
        role=Membership.Role.MEMBER,
        by=team.memberships.get(user=owner),
    )
    create_token(owner, name="CI", scopes=["read"])
    model = offered_model("tiny")
    key = key_of(team, owner)
    project = create_project(team, name="Site", monthly_limit_nano=None, by=owner)
    quote, approval = quote_of(team, owner), approval_of(team)
    talk = create_conversation(
        [owner], by=people["superuser"], title="Keys", text="Hello.", limited=False
    )
    call = used(team, key, status="timed_out", error_code="upstream_timeout")
    return {
        "org": team.slug,
        "public_id": key.public_id,
        "project_id": project.public_id,
        "request_id": call.pk,
        "offer": str(model.pk),
        "place": str(model.deployments.get().pk),
        "price": str(model.prices.get().pk),
        "token": invited,
        "quote_id": quote.public_id,
        "list_id": price_list_of(team).public_id,
        "statement_id": statement_of(team).public_id,
        "username": owner.username,
        "plan": "pro",
        "key": "pro",
        "topic": str(topic.pk),
        "post": str(opening.pk),
        "post_of_another": str(reply.pk),
        "category": within.slug,
        "model": "tiny",
        "chat_id": playground.chat(people["superuser"]).public_id,
        "share": "nothing",
        "talk": str(talk.pk),
        "message_of": str(talk.messages.get().pk),
        "answer": "1",
        "approval": str(approval.pk),
        "quote_token": link_token(quote),
        "invoice": str(paid_invoice(team).pk),
        "lead": str(lead_of(team).pk),
        "grant": str(grant_of(team).pk),
    }
