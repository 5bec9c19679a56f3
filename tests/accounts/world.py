"""One of everything, and somebody in every role: the world of ``docs/roles.md``."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from django.test.client import ClientHandler
from django.utils import timezone

from accounts import services, tokens
from accounts.models import Membership, User
from accounts.queries import personal_organisation
from analytics import dashboards
from analytics.services import save_report
from billing.conversion import services as conversion
from billing.conversion.models import Scenario
from billing.growth.deciding import DecisionUnit, decide
from billing.growth.moments import Moment
from billing.growth.surfaces import Surface
from billing.plans.services import ensure_default_plans
from billing.quotes.signing import link_token
from billing.stripe.models import WebhookInbox
from billing.subscriptions.models import Case
from community.conversations.services import create_conversation, flag_message
from community.docs.models import Page, Version
from community.forum.services import PollValues, post_comment, set_poll
from community.forum.tagging import create_tag
from community.moderation.services import raise_post_flag, treat_topics
from community.standing.services import sanction_person
from community.trust.models import BadgeAward
from core.crypto import encrypt
from core.money import NANO
from design.stylesheet import stylesheet
from inference.keys import services as keys
from inference.playground import services as chats
from jobs.models import Job
from notifications.models import Kind, Notification
from notifications.services import notify
from notifications.tokens import unsubscribe_token
from tests.factories import forum, inference, playground
from tests.factories.accounts import with_seats
from tests.factories.billing import grant_of, paid_invoice_of
from tests.factories.campaigns import campaign_of, wait
from tests.factories.credits import credit_of
from tests.factories.growth import experiment_of, keep_nobody_out, lead_of
from tests.factories.imports import imported_person, imported_topic
from tests.factories.overage import price_list_of, statement_of
from tests.factories.pricelab import candidate_of
from tests.factories.privacy import export_of
from tests.factories.quotes import approval_of, paid_invoice, quote_of
from tests.factories.referrals import referral_of
from tests.signing_in import record_sign_in

# Whoever signs in, and what each of them is.
ROLES = (
    "anonymous",
    "stranger",
    "member",
    "billing",
    "admin",
    "owner",
    "moderator",
    "staff",
    "staff without a second factor",
)
PASSWORD = "correct horse"
SEED = "JBSWY3DPEHPK3PXP"


@dataclass
class World:
    """The team Northwind, its people, and who stands outside."""

    people: dict[str, User] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    # Making one reads every static file: browsers share it.
    handler: ClientHandler = field(
        default_factory=lambda: ClientHandler(enforce_csrf_checks=False)
    )

    def address(self, route: str) -> str:
        """Return an address of ``route`` that leads to something."""
        for start, values in self.values.items():
            if route.startswith(start):
                for name, value in values.items():
                    route = route.replace(name, value)
        return "/" + route.replace("^", "").replace("$", "")

    def client(self, role: str) -> Client:
        """Return a browser of somebody who signed in just now, by password."""
        client = self.browser()
        if role != "anonymous":
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[role]
        return client

    def browser(self) -> Client:
        """Return a browser that nobody has used."""
        client = Client()
        client.handler = self.handler
        return client


def build() -> World:
    """Make the world; everything in it belongs to the member of Northwind."""
    world = World()
    ensure_default_plans()
    owner = _person(world, "owner")
    team = with_seats(services.create_organisation("Northwind", owner=owner), 9)
    for role in Membership.Role.values[1:]:
        services.add_member(team, user=_person(world, role), role=role)
    stranger = _person(world, "stranger")
    services.create_organisation("Elsewhere", owner=stranger)
    _person(world, "moderator", is_moderator=True)
    staff = _person(world, "staff", is_staff=True)
    Authenticator.objects.create(
        user=staff, type="totp", data={"secret": encrypt(SEED)}
    )
    late = _person(world, ROLES[-1], is_staff=True)
    User.objects.filter(pk=late.pk).update(
        second_factor_since=timezone.now() - timedelta(days=60)
    )
    newcomer = _person(world, "newcomer")
    services.add_member(team, user=newcomer)

    member = world.people["member"]
    topic = forum.topic(member, text="It does not say. @owner")
    opening = topic.posts.get()
    asked = PollValues(question="Which?", options=("a", "b"), is_anonymous=False)
    set_poll(opening, asked, by=member)
    idea = forum.topic(member, category=topic.category, kind="idea")
    tag = create_tag("swept")
    reply = forum.reply(topic, stranger)
    comment = post_comment(reply, author=member, text="Which version?", limited=False)
    flag = raise_post_flag(reply, by=owner, reason="spam", limited=False)
    moderator = world.people["moderator"]
    act = treat_topics([topic.pk], kind="unlock", by=moderator)
    sanction = sanction_person(
        newcomer, kind="silence", reason="Advertising", until=None, by=moderator
    )
    badge = BadgeAward.objects.create(user=newcomer, badge="reader")
    notify(member.pk, Kind.REPLY, dedupe_key="one", url="/forum/", title="A reply")
    version = Version.objects.create(
        slug="1.0", label="1.0", status=Version.Status.STABLE, is_default=True
    )
    page = Page.objects.create(
        version=version,
        path="keys",
        locale="en",
        position=1,
        title="Keys",
        source_md="# Keys",
        html="<p>Keys</p>",
        plain="Keys",
        render_version=1,
    )
    model = inference.offered_model()
    key = inference.key_of(team, owner)
    call = inference.used(team, key, status="timed_out", error_code="upstream_timeout")
    inference.transcript_of(call)
    project = keys.create_project(
        team, name="Website", monthly_limit_nano=None, by=owner
    )
    token, _ = tokens.create_token(member, name="ci", scopes=["read"])
    invitation, secret = services.invite_member(
        team,
        email="guest@away.test",
        role="member",
        by=team.memberships.get(user=owner),
    )
    # The member's, read by the team; and one that whoever has its link may read.
    chat = playground.chat(member, columns=[model.slug], organisation=team)
    chats.share(chat, "organisation", organisation=team)
    linked = playground.chat(member, columns=[model.slug])
    chats.share(linked, "link", organisation=None)
    linked.refresh_from_db()
    conversion.record_founder(team.pk, user_id=owner.pk, at=timezone.now())
    conversion.record_sign_up(member.pk)
    scenario = Scenario.objects.create(
        name="Dearer", developers=1, share=1, price=1, cost=1, fixed_cost=0
    )
    case = Case.objects.create(kind=Case.Kind.DISPUTE, object_id="du_1")
    experiment = experiment_of("stay_talk")
    campaign = campaign_of(wait(24), is_started=False)
    referral = referral_of(owner, member)
    lead = lead_of(team)
    keep_nobody_out()
    decided = decide(Moment.LEAVING, DecisionUnit(team.pk, member.pk), occasion="one")
    report = save_report(
        "funnel",
        name="Readers",
        query="steps=2&s0=page_viewed&s1=email_verified",
        by=staff,
    )
    board = dashboards.create_dashboard("Monday", by=staff)
    tile = dashboards.add_tile(board, report, is_wide=False)
    noted = dashboards.annotate(date(2026, 3, 1), "release", "Version 2", by=staff)
    inbox = WebhookInbox.objects.create(
        endpoint="default",
        event_id="evt_1",
        type="invoice.paid",
        payload="{}",
        created_at=timezone.now(),
    )
    quote, approval = quote_of(team, owner), approval_of(team)
    job = Job.objects.create(
        kind="webhook", subject=str(inbox.pk), state="dead", finished_at=timezone.now()
    )
    talk = create_conversation([stranger], by=member, title="Keys", text="Hello.")
    said = talk.messages.get()
    flag_message(said, by=stranger, reason="spam", limited=False)
    imported_topic(topic)
    claimable = imported_person("1", email=member.email)
    claimed = imported_person("2", claimed_by=member)
    statement = statement_of(team)
    world.values = {
        "messages/": {
            "m/<int:pk>": f"m/{said.pk}",
            "<int:pk>": str(talk.pk),
        },
        "api/v1/messages/": {"<int:pk>": str(said.pk)},
        "api/v1/conversations/": {"<int:pk>": str(talk.pk)},
        "old/": {"<slug:source>": "meta", "<path:path>": "t/1"},
        "settings/history/": {
            "<int:pk>/claim": f"{claimable.pk}/claim",
            "<int:pk>/release": f"{claimed.pk}/release",
        },
        "api/v1/categories": {"templates/<slug:kind>": "templates/idea"},
        "": {
            "<slug:org>": team.slug,
            "<str:organisation>": team.public_id,
            "<slug:public_id>": key.public_id,
            "<slug:project_id>": project.public_id,
            "<slug:quote_id>": quote.public_id,
            "<slug:credit_id>": credit_of(team, 5 * NANO).public_id,
            "<slug:statement_id>": statement.public_id,
            "<slug:list_id>": price_list_of(team).public_id,
            "<str:statement>": statement.public_id,
            "<str:request_id>": call.pk,
            "<str:username>": member.username,
            "<str:version>": version.slug,
            "<path:path>": page.path,
            "<path:page>": "usage",
            "<path:slug>": model.slug,
            "<slug:plan>": "team",
            "<slug:digest>": stylesheet().digest,
            "<section>": "places",
            "[0-9]{1,18}": "",
            "(?P<pk>)(?:-(?P<slug>[^/]*))?": str(topic.pk),
            "(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)": f"{user_pk_to_url_str(member)}-x-y",
            "(?P<key>[-:\\w]+)": "no-such-key",
            "<str:provider_id>": "oidc",
            "<str:chat_id>": chat.public_id,
            "<str:share>": str(linked.share_token),
            "<slug:kind>": "thanks",
            "<int:scenario>": str(scenario.pk),
            "<int:candidate>": str(candidate_of().pk),
            "<int:answer>": str(chat.messages.get(role="assistant").pk),
        },
        "settings/tokens/": {"<int:pk>": str(token.pk)},
        "settings/data/": {"<int:pk>": str(export_of(member).pk)},
        "invitations/": {"<str:token>": secret},
        "accounts/send-again/": {"<str:token>": "none"},
        "quotes/": {"<str:token>": link_token(quote)},
        "staff/approvals/": {"<int:pk>": str(approval.pk)},
        "unsubscribe/": {"<str:token>": unsubscribe_token(member, Kind.REPLY)},
        "notifications/": {
            "<int:pk>": str(Notification.objects.get(user=member, dedupe_key="one").pk),
        },
        "forum/c/": {"<slug:slug>": topic.category.slug},
        "forum/categories/": {"<int:pk>": str(topic.category.pk)},
        "forum/tags/": {"<int:pk>": str(tag.pk)},
        "forum/tag/": {"<str:slug>": "keys", "<str:tag>": "keys"},
        "forum/t/": {
            "<int:pk>/decide": f"{idea.pk}/decide",
            "<int:pk>": str(topic.pk),
        },
        "forum/p/": {
            "<int:pk>/poll": f"{opening.pk}/poll",
            "<int:pk>": str(reply.pk),
            "<int:number>": "1",
        },
        "forum/comments/": {"<int:pk>": str(comment.pk)},
        "api/v1/comments/": {"<int:pk>": str(comment.pk)},
        "moderation/cases/": {"<int:pk>": str(flag.case_id)},
        "moderation/acts/": {"<int:pk>": str(act.pk)},
        "badges/": {"<int:pk>": str(badge.pk)},
        "api/v1/cases/": {"<int:pk>": str(flag.case_id)},
        "api/v1/sanctions/": {"<int:pk>": str(sanction.pk)},
        "api/v1/categories/": {"<slug:slug>": topic.category.slug},
        "api/v1/tags/": {"<str:slug>": tag.slug},
        "docs/": {"<int:pk>": str(page.pk)},
        # Of nobody.
        "drafts/": {"<int:pk>": "1"},
        "staff/revenue/": {"<int:pk>": str(inbox.pk)},
        "staff/operations/": {"<int:pk>": str(job.pk)},
        "staff/circuits/": {"<int:place>": str(model.deployments.get().pk)},
        "staff/models/": {
            "<int:pk>": str(model.pk),
            "<int:place>": str(model.deployments.get().pk),
            "<int:price>": str(model.prices.get().pk),
        },
        "staff/grants/": {"<int:grant>": str(grant_of(team, is_over=True).pk)},
        "staff/revenue/invoices/": {"<int:pk>": str(paid_invoice(team).pk)},
        "staff/revenue/cases/": {"<int:pk>": str(case.pk)},
        "staff/offers/": {
            "<slug:moment>": Moment.LEAVING.value,
            "<slug:address>": "2026-01",
            "<slug:key>": "stay_talk",
        },
        "staff/causes/": {"<slug:cause>": "docs_read"},
        "staff/knowledge/nodes/": {"<slug:kind>": "doc", "<path:key>": "keys"},
        "staff/leads/": {"<int:pk>": str(lead.pk)},
        "staff/referrals/": {"<int:pk>": str(referral.pk)},
        "invite/": {"<slug:code>": referral.link.code},
        "staff/offers/experiments/": {"<slug:key>": experiment.key},
        "staff/offers/campaigns/": {"<slug:key>": campaign.key},
        "_growth/": {
            "<slug:surface>": Surface.CONSOLE.value,
            "<uuid:uuid>": str(decided.uuid),
        },
        "staff/analytics/reports/": {"<slug:public_id>": report.public_id},
        "staff/analytics/dashboards/": {
            "<slug:public_id>": board.public_id,
            "<int:tile>": str(tile.pk),
        },
        "staff/analytics/annotations/": {"<int:pk>": str(noted.pk)},
        "api/v1/analytics/reports/": {"<slug:public_id>": report.public_id},
        "api/v1/campaigns/": {"<slug:key>": campaign.key},
        "staff/attribution/": {
            "<int:pk>": str(paid_invoice_of(personal_organisation(staff)).pk)
        },
        "staff/analytics/events/": {"<slug:slug>": "page_viewed"},
        "api/v1/topics/": {
            "<int:pk>/decision": f"{idea.pk}/decision",
            "<int:pk>": str(topic.pk),
        },
        "api/v1/posts/": {
            "<int:pk>/poll": f"{opening.pk}/poll",
            "<int:pk>": str(reply.pk),
        },
        "api/v1/notifications/": {
            "<int:pk>": str(Notification.objects.get(user=member, dedupe_key="one").pk),
        },
        "accounts/": {"<int:pk>": "1"},
    }
    place = team.memberships.get(user=newcomer)
    world.values["console/"] = {
        "invitations/<int:pk>": f"invitations/{invitation.pk}",
        "members/<int:pk>": f"members/{place.pk}",
        # No contract was signed, so none has an invoice.
        "<int:number>": "1",
        # No change was shown: without a subscription there is none.
        "<uuid:uuid>": "6d2b2a55-0000-4000-8000-000000000000",
    }
    # The longest beginning knows best.
    world.values = dict(
        sorted(world.values.items(), key=lambda item: len(item[0]), reverse=True)
    )
    return world


def _person(world: World, name: str, **fields: Any) -> User:
    username = name.replace(" ", "-")
    user = services.create_user(
        f"{username}@example.test", username, PASSWORD, **fields
    )
    EmailAddress.objects.create(
        user=user, email=user.email, verified=True, primary=True
    )
    world.people[name] = user
    world.sessions[name] = _signed_in(user)
    return user


def _signed_in(user: User) -> str:
    """Return the session of somebody who has just come in by password."""
    client = Client()
    client.force_login(user)
    # An hour ahead, so that it is recent however slow the machine is.
    record_sign_in(client, user, minutes_ago=-60)
    return str(client.session.session_key)
