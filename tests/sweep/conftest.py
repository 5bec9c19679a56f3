"""The people of the sweep, and something under every address."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from accounts.tokens import create_token
from analytics import dashboards
from analytics.services import save_report
from billing.conversion import services as conversion
from billing.conversion.models import Scenario
from billing.growth.deciding import DecisionUnit, decide
from billing.growth.moments import Moment
from billing.plans.services import ensure_default_plans
from billing.quotes.signing import link_token
from billing.stripe.models import WebhookInbox
from community.contributions.models import Delivery
from community.conversations.services import create_conversation, flag_message
from community.forum.services import PollValues, post_comment, set_poll
from community.moderation.services import raise_post_flag, treat_topics
from community.standing.services import sanction_person
from community.trust.models import BadgeAward
from core.money import NANO
from inference.catalog.defaults import ensure_default_models
from inference.keys.models import Project
from inference.playground import services as chats
from jobs.models import Job
from notifications.models import Kind
from notifications.tokens import unsubscribe_token
from tests.factories import forum, playground
from tests.factories.accounts import with_seats
from tests.factories.billing import grant_of, paid_invoice_of
from tests.factories.campaigns import campaign_of, wait
from tests.factories.credits import credit_of
from tests.factories.growth import experiment_of, keep_nobody_out, lead_of
from tests.factories.imports import imported_person, imported_topic
from tests.factories.inference import key_of, offered_model, transcript_of, used
from tests.factories.overage import price_list_of, statement_of
from tests.factories.pricelab import candidate_of
from tests.factories.privacy import export_of
from tests.factories.quotes import approval_of, paid_invoice, quote_of
from tests.factories.referrals import referral_of
from tests.sweep.world import Address, every_address

ROLES = ("anonymous", "member", "owner", "staff")


@pytest.fixture(autouse=True)
def _generous(settings: Any) -> None:
    settings.REST_CALLS_PER_MINUTE = {"person": 10**6, "address": 10**6}
    settings.SECOND_FACTOR_REQUIRED = False
    settings.GITHUB_WEBHOOK_SECRETS = ["test-github-secret"]


@pytest.fixture
def people(person: Callable[..., Any]) -> dict[str, Any]:
    """Return who asks, by role; all of them but one are of the same team."""
    staff = person("staff", is_staff=True, is_moderator=True, is_superuser=True)
    return {"owner": person("owner"), "member": person("member"), "staff": staff}


@pytest.fixture
def candidates(
    people: dict[str, Any], person: Callable[..., Any]
) -> dict[str, list[str]]:
    """Make one of everything; return what an address can name it by, by parameter."""
    owner = people["owner"]
    team = create_organisation("Team", owner=owner)
    with_seats(team, 5)
    for name in ("member", "staff"):
        role = Membership.Role.OWNER if name == "staff" else Membership.Role.MEMBER
        add_member(team, user=people[name], role=role)
    ensure_default_plans()
    ensure_default_models()
    conversion.record_founder(team.pk, user_id=owner.pk, at=timezone.now())
    scenario = Scenario.objects.create(
        name="Dearer", developers=1, share=1, price=1, cost=1, fixed_cost=0
    )
    topic = forum.topic(owner, category=forum.category(slug="general"), tags=["swept"])
    opening = topic.posts.get()
    asked = PollValues(question="Which?", options=("a", "b"), is_anonymous=False)
    set_poll(opening, asked, by=owner)
    idea = forum.topic(owner, category=topic.category, kind="idea")
    reply = forum.reply(topic, people["member"])
    comment = post_comment(reply, author=owner, text="Which version?", limited=False)
    flag = raise_post_flag(reply, by=owner, reason="spam", limited=False)
    act = treat_topics([topic.pk], kind="unlock", by=people["staff"])
    sanction = sanction_person(
        person("silent"), kind="silence", reason="x", until=None, by=people["staff"]
    )
    badge = BadgeAward.objects.create(user=owner, badge="reader")
    moderated = (flag.case, act, sanction, badge)
    posts = (topic, reply, comment, opening, idea, *topic.tags.all())
    talk = create_conversation(
        [people["staff"]], by=people["member"], title="Keys", text="Hello."
    )
    said = talk.messages.get()
    flag_message(said, by=people["staff"], reason="spam", limited=False)
    claimed = imported_person("1", claimed_by=people["staff"])
    key = key_of(team, by=owner)
    token, _secret = create_token(owner, name="CI", scopes=["forum:write"])
    event = WebhookInbox.objects.create(
        endpoint="stripe",
        event_id="evt_1",
        type="customer.updated",
        payload="{}",
        created_at=timezone.now() - timedelta(days=1),
    )
    Delivery.objects.create(guid="one", event="ping", payload={})
    job = Job.objects.create(
        kind="webhook", subject=str(event.pk), state="dead", finished_at=timezone.now()
    )
    chat = playground.chat(owner, columns=["doorstone-docs"], organisation=team)
    chats.share(chat, "public", organisation=None)
    chat.refresh_from_db()
    report = save_report(
        "funnel", name="Readers", query="s0=page_viewed&s1=searched", by=people["staff"]
    )
    board = dashboards.create_dashboard("Monday", by=people["staff"])
    tile = dashboards.add_tile(board, report, is_wide=False)
    noted = dashboards.annotate(
        date(2026, 3, 1), "release", "Version 2", by=people["staff"]
    )
    invoice = paid_invoice_of(personal_organisation(people["staff"]))
    project = Project.objects.create(organisation=team, name="Website")
    keep_nobody_out()
    decided = decide(Moment.LEAVING, DecisionUnit(team.pk), occasion="one")
    campaign = campaign_of(wait(24), is_started=False)
    referral = referral_of(owner, people["member"])
    numbered = (*posts, talk, said, claimed, event, token, job)
    numbered = (
        *numbered,
        export_of(people["staff"]),
        lead_of(team),
        referral,
        noted,
        invoice,
    )
    deployment = offered_model("swept").deployments.get()
    call = used(team, key)
    transcript_of(call)
    quote = quote_of(team, owner)
    money = (approval_of(team), paid_invoice(team))
    statement = statement_of(team)
    return {
        "scenario": [str(scenario.pk)],
        "candidate": [str(candidate_of().pk)],
        "org": [team.slug],
        "organisation": [team.public_id],
        "pk": [str(one.pk) for one in (*numbered, *moderated, *money)],
        "code": [referral.link.code],
        "number": ["1"],
        "project_id": [project.public_id],
        "request_id": [call.request_id],
        "place": [str(deployment.pk)],
        "price": [str(deployment.model.prices.latest("pk").pk)],
        "uuid": [str(uuid.uuid4()), str(decided.uuid)],
        "surface": ["console"],
        "moment": ["leaving"],
        "address": [f"{timezone.now() - timedelta(days=1):%Y-%m}"],
        "cause": ["docs_read"],
        "grant": [str(grant_of(team, is_over=True).pk)],
        "credit_id": [credit_of(team, NANO).public_id],
        "quote_id": [quote.public_id],
        "statement_id": [statement.public_id],
        "list_id": [price_list_of(team).public_id],
        "statement": [statement.public_id],
        "slug": [topic.slug, "general", "swept", "doorstone-docs", "page_viewed"],
        "tag": ["swept"],
        "version": ["1.0"],
        "path": ["index", "t/1"],
        "source": [imported_topic(topic).source.slug],
        "public_id": [key.public_id, report.public_id, board.public_id],
        "tile": [str(tile.pk)],
        "token": [unsubscribe_token(owner, Kind.REPLY), link_token(quote), "x"],
        "username": ["owner"],
        "key": [experiment_of("stay_talk").key, campaign.key, "stay_talk", "x"],
        "uidb36": ["1"],
        "digest": ["x"],
        "page": ["keys/"],
        "guid": ["one"],
        "plan": ["pro", "team"],
        "chat_id": [chat.public_id],
        "share": [str(chat.share_token)],
        "answer": [str(chat.messages.get(role="assistant").pk)],
        "section": ["pages", "topics"],
        "kind": ["thanks", "idea"],
    }


@pytest.fixture
def addresses(
    people: dict[str, Any], candidates: dict[str, list[str]]
) -> list[Address]:
    """Return every address, each with something under it."""
    client = Client(raise_request_exception=False)
    client.force_login(people["staff"])
    return every_address(client, candidates)


@pytest.fixture
def client_of(people: dict[str, Any]) -> Callable[[str], Client]:
    """Return a function that gives the browser of somebody with a role."""

    def make(role: str) -> Client:
        client = Client(raise_request_exception=False)
        if role != "anonymous":
            client.force_login(people[role])
        return client

    return make
