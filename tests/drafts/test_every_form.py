"""Every form of every page: a token against forgery, and a draft where one types."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Membership
from accounts.services import add_member, create_organisation, invite_member
from accounts.tokens import create_token
from billing.plans.services import ensure_default_plans
from billing.quotes.signing import link_token
from community.conversations.services import create_conversation
from drafts.models import Draft
from inference.keys.services import create_project
from tests.factories import forum, playground
from tests.factories.accounts import with_seats
from tests.factories.billing import grant_of
from tests.factories.growth import lead_of
from tests.factories.inference import key_of, offered_model, used
from tests.factories.overage import price_list_of, statement_of
from tests.factories.quotes import approval_of, paid_invoice, quote_of
from tests.forms import form_of, forms_of
from tests.signing_in import record_sign_in

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("visitor", "owner", "superuser")
# Providers that are not configured, Django's pages for staff, programs' addresses.
ELSEWHERE = (
    "accounts/github/",
    "accounts/oidc/",
    "admin/",
    "api/",
    "hooks/",
    "v1/",
    "jsi18n/",
    "sitemap",
    "assets/",
    "favicon.ico",
)
# What stands in the gaps of an area's addresses.
AREAS = {
    "messages/": "talk",
    "messages/m/": "message_of",
    "forum/t/": "topic",
    "forum/p/": "post",
    "forum/c/": "category",
    "models/": "model",
    "staff/models/": "offer",
    "staff/approvals/": "approval",
    "staff/revenue/invoices/": "invoice",
    "staff/leads/": "lead",
}
# Forms somebody types into that keep no draft, and why.
WITHOUT_DRAFT = {
    "/accounts/login/": "an address and a password: browsers keep those",
    "/accounts/signup/": "an address, a name and a password",
    "/accounts/email/": "one address, checked by a mail",
    "/accounts/password/reset/": "one address",
    "/accounts/password/set/": "a new password",
    "/accounts/password/change/": "passwords",
    "/accounts/reauthenticate/": "a password",
    "/accounts/2fa/reauthenticate/": "a code of thirty seconds",
    "/accounts/2fa/totp/activate/": "a code of thirty seconds",
    "/accounts/2fa/webauthn/add/": "the name of a key that is plugged in now",
    "/accounts/2fa/webauthn/signup/": "the name of a key that is plugged in now",
    "/accounts/confirm-email/": "a code from a mail",
    "/accounts/login/code/confirm/": "a code from a mail",
    "/staff/analytics/reports/": "a name; what is asked stands in the address",
    "/accounts/social/signup/": "an address and a name the provider gave",
}


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


def routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Yield every route."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


def addresses(samples: dict[str, str]) -> Iterator[str]:
    """Yield the address of every route of ours, with something in each gap."""
    for route in routes():
        if route.startswith((*ELSEWHERE, "^")):
            continue
        values = samples | {"pk": "1", "slug": "x"}
        for start, area in AREAS.items():
            if route.startswith(start):
                values |= {"pk": samples[area], "slug": samples[area]}
        if route.startswith("quotes/"):
            values |= {"token": samples["quote_token"]}
        yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", partial(_fill, values), route)
    yield f"/forum/t/{samples['topic']}-how-do-i-rotate-key/"


def _fill(values: dict[str, str], gap: re.Match[str]) -> str:
    return values.get(gap[1], "1")


def pages(client: Client, samples: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield every page that a client may open: its address and its text."""
    for address in dict.fromkeys(addresses(samples)):
        answer = client.get(address, follow=True)
        if answer.status_code == 200 and "html" in answer.headers.get(
            "Content-Type", ""
        ):
            final = answer.redirect_chain[-1][0] if answer.redirect_chain else address
            yield final.partition("?")[0], answer.content.decode()


def enter(role: str, people: dict[str, Any]) -> Client:
    client = Client(enforce_csrf_checks=True)
    if role != "visitor":
        client.force_login(people[role])
    return client


@pytest.mark.parametrize("role", ROLES)
def test_every_form_carries_its_token_and_what_is_typed_is_a_draft(
    role: str, people: dict[str, Any], samples: dict[str, str]
) -> None:
    client = enter(role, people)
    unprotected, forgetful, seen, drafted = set(), set(), set(), set()
    cut, shared = set(), set()

    for address, html in pages(client, samples):
        places = re.findall(r'data-place="([^"]*)"', html)
        if len(set(places)) < len(places):
            shared.add((address, *places))
        for form in forms_of(html):
            if form.method != "post":
                continue
            action = form.action or address
            seen.add(action)
            if "draft" in form and form.takes_text:
                drafted.add(_numbered(action))
            cut |= {(action, each.name) for each in form.fields if each.is_cut}
            if "csrfmiddlewaretoken" not in form:
                unprotected.add((address, action))
            if form.takes_text and "draft" not in form and not _has_reason(action):
                forgetful.add((address, action))

    assert len(seen) > (5 if role == "visitor" else 15)
    assert unprotected == set()
    assert forgetful == set()
    # A browser cuts what is pasted there without a word.
    assert cut == set()
    # One place holds one draft: the second form would hide what the first one has.
    assert shared == set()
    assert (
        drafted - {"/drafts/discard/", "/styleguide/"} <= SENT.keys() | ELSEWHERE_SENT
    )


def _numbered(action: str) -> str:
    """Return an address with what differs from run to run taken out."""
    named = re.sub(r"(chat|key|proj|req|quo|prl|uch)_\w+", r"\1", action)
    named = re.sub(r"^/quotes/[^/]+", "/quotes/link", named)
    return re.sub(r"\d+", "N", named)


def _has_reason(action: str) -> bool:
    return any(action.startswith(prefix) for prefix in WITHOUT_DRAFT)


# What a person fills in, page by page: the address the form is sent to, where it
# stands, the field it is known by, and the values that are accepted.
SENT: dict[str, tuple[str, str, dict[str, str]]] = {
    "/forum/new/": (
        "/forum/new/",
        "text",
        {"title": "How is a draft kept?", "text": "I typed this."},
    ),
    "/forum/t/N/reply/": ("{topic}", "text", {"text": "Like this, then."}),
    "/forum/p/N/comments/new/": (
        "/forum/p/{post}/comments/",
        "comment",
        {"comment": "Which version?"},
    ),
    "/forum/p/N/bookmark/": (
        "/forum/p/{post}/bookmark/",
        "note",
        {"note": "For Monday"},
    ),
    "/forum/p/N/edit/": ("/forum/p/{post}/edit/", "base", {"text": "Changed."}),
    "/forum/p/N/poll/": (
        "/forum/p/{post}/poll/",
        "poll_question",
        {"poll_question": "Which theme?", "poll_options": "Dark\nLight"},
    ),
    "/forum/p/N/flag/": ("/forum/p/{other}/flag/", "reason", {"reason": "spam"}),
    "/forum/p/N/hide/": ("{topic}", "reason", {"reason": "Off topic."}),
    "/messages/new/": (
        "/messages/new/",
        "people",
        {"people": "member", "title": "Keys", "text": "Which one?"},
    ),
    "/messages/N/write/": ("/messages/{talk}/", "text", {"text": "The first."}),
    "/messages/m/N/report/": (
        "/messages/m/{said}/report/",
        "reason",
        {"reason": "spam"},
    ),
    "/pricing/talk/": (
        "/pricing/talk/",
        "message",
        {"name": "Erin", "email": "erin@demo.test", "message": "An invoice, please."},
    ),
    "/settings/profile/": ("/settings/profile/", "bio", {"bio": "I count."}),
    "/settings/tokens/": ("/settings/tokens/", "name", {"name": "CI"}),
    "/console/new/": ("/console/new/", "name", {"name": "Southwind"}),
    "/console/northwind/settings/": (
        "/console/northwind/settings/",
        "name",
        {"name": "Northwind Ltd"},
    ),
    "/console/northwind/members/": (
        "/console/northwind/members/",
        "email",
        {"email": "new@example.test"},
    ),
    "/console/northwind/keys/create/": (
        "/console/northwind/keys/",
        "name",
        {"name": "Website"},
    ),
    "/console/northwind/keys/key/edit/": (
        "/console/northwind/keys/{key}/edit/",
        "name",
        {"name": "Website", "requests_per_minute": "30"},
    ),
    "/console/northwind/responses/": (
        "/console/northwind/responses/",
        "days",
        {"days": "7"},
    ),
    "/console/northwind/budgets/": (
        "/console/northwind/budgets/",
        "amount",
        {"amount": "5.00", "effect": "hard"},
    ),
    "/console/northwind/charges/": (
        "/console/northwind/charges/",
        "cap",
        {"cap": "5.00"},
    ),
    "/console/northwind/transcripts/": (
        "/console/northwind/transcripts/",
        "days",
        {"days": "7"},
    ),
    "/console/northwind/projects/": (
        "/console/northwind/projects/",
        "name",
        {"name": "Website"},
    ),
    "/console/northwind/projects/proj/": (
        "/console/northwind/projects/{project}/",
        "name",
        {"name": "Website"},
    ),
}
# They call a model, or stand on a page of their own: the playground's tests send them.
ELSEWHERE_SENT = {
    *("/playground/", "/playground/chat/", "/playground/chat/rename/"),
    # It ends the account: its own tests send it.
    "/settings/close/",
    # Its own tests send it.
    "/console/northwind/responses/",
    # It becomes the draft of a topic: the explorer's tests send it.
    "/console/northwind/requests/req/ask/",
    # Moderators' and staff's: the forum's tests send them.
    *("/forum/t/N/join/", "/forum/t/N/split/", "/forum/categories/new/"),
    "/forum/categories/N/templates/",
    *("/forum/categories/N/", "/forum/tags/N/", "/forum/comments/N/edit/"),
    # Moderators': those of moderation send them.
    *("/moderation/", "/moderation/topics/", "/moderation/people/owner/"),
    # Staff's: those of growth, of conversion, of credit and of drafts send them.
    *("/staff/leads/N/", "/staff/leads/N/close/"),
    *("/staff/offers/new/", "/staff/offers/experiments/new/", "/staff/credit/"),
    *("/staff/grants/", "/staff/grants/N/"),
    "/staff/offers/campaigns/new/",
    *("/staff/conversion/scenarios/", "/staff/conversion/rates/"),
    "/staff/conversion/price-lab/new/",
    # Of quotes and approvals: their own tests send them.
    *("/console/northwind/quotes/ask/", "/console/northwind/quotes/quo/accept/"),
    *("/console/northwind/quotes/quo/decline/", "/quotes/link/decline/"),
    *("/console/northwind/quotes/quo/buyer/", "/quotes/link/buyer/"),
    *("/quotes/link/accept/", "/staff/quotes/new/", "/staff/quotes/quo/"),
    *("/staff/quotes/quo/ask/", "/staff/quotes/quo/buyer/"),
    *("/staff/quotes/quo/withdraw/", "/staff/approvals/N/"),
    "/staff/revenue/invoices/N/refund/",
    # Staff's: those of price lists send them.
    *("/staff/price-lists/", "/staff/price-lists/prl/"),
    # Staff's: those of charges send them.
    "/staff/statements/uch/write-off/",
    # Staff's: those of analytics send them.
    *("/staff/analytics/dashboards/", "/staff/analytics/annotations/"),
    # Staff's: the catalogue's tests send them.
    *("/staff/plans/new/", "/staff/plans/pro/", "/staff/plans/pro/draft/"),
    "/staff/plans/pro/archive/",
    # Staff's: the offering's tests send them.
    *("/staff/models/N/edit/", "/staff/models/N/price/"),
    *("/staff/circuits/N/pause/", "/staff/circuits/N/close/"),
}


@pytest.mark.parametrize("action", list(SENT))
def test_the_form_of_the_page_is_accepted_and_says_so(
    action: str, people: dict[str, Any], samples: dict[str, str]
) -> None:
    page, name, typed = SENT[action]
    topic, post = samples["topic"], samples["post"]
    page = page.format(
        topic=f"/forum/t/{topic}-how-do-i-rotate-key/",
        post=post,
        other=samples["post_of_another"],
        key=samples["public_id"],
        project=samples["project_id"],
        talk=samples["talk"],
        said=samples["message_of"],
    )
    # Only moderators hide posts.
    who = "superuser" if action == "/forum/p/N/hide/" else "owner"
    client = enter(who, people)
    record_sign_in(client, people[who])
    answer = client.get(page, follow=True)

    form = form_of(answer.content.decode(), name)
    sent = client.post(form.action or answer.request["PATH_INFO"], form.values | typed)

    assert _numbered(form.action or page) == action
    assert sent.status_code == 302
    assert sent["Draft-Accepted"]
    assert not Draft.objects.filter(accepted_at=None).exists()


# Forms of which a person has one, wherever it is about something or nothing.
ONE_FOR_A_PERSON = {
    *("credit.new", "grants.new", "offering.new", "plans.new"),
    *("pricelists.new", "styleguide.plain", "styleguide.wrong", "tokens.new"),
}


def test_a_named_draft_says_what_it_is_about() -> None:
    """Without a key every plan, organisation or statement would share one text."""
    keyless = set()
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        for name, key in re.findall(r'draft_name="([^"]+)"( draft_key=)?', text):
            keyless |= set() if key else {name}
        for name, key in re.findall(r'{% draft \w+ "([^"]+)"( [\w.]+)? %}', text):
            keyless |= set() if key else {name}

    assert keyless == ONE_FOR_A_PERSON


def test_no_form_is_included_without_what_its_token_needs() -> None:
    templates = {
        str(path.relative_to(ROOT / "templates")): path.read_text()
        for path in (ROOT / "templates").rglob("*.html")
    }
    included = re.compile(r"""{% include "([^"]+)"([^%]*)%}""")

    def holds_form(name: str) -> bool:
        text = templates.get(name, "")
        return "{% csrf_token %}" in text or any(
            holds_form(inner) for inner, _words in included.findall(text)
        )

    cut_off = [
        f"{name} includes {inner}"
        for name, text in templates.items()
        for inner, words in included.findall(text)
        if words.split()[-1:] == ["only"] and holds_form(inner)
    ]

    assert cut_off == []


# Addresses that answer programs, or a page's own script: nobody opens them by hand.
FOR_PROGRAMS = {
    "/hooks/": "webhooks",
    "/api/": "the REST API",
    "/v1/": "the gateway",
    "/accounts/2fa/webauthn/": "the page's script asks here",
}
# There is no job 1 here, so its page is not there either.
NOTHING_THERE = {
    # Nor a tag of that name.
    "/forum/tag/x/watch/",
    "/staff/operations/jobs/N/retry/",
    "/staff/operations/jobs/N/ignore/",
    # Nor a report, an offer, an experiment or a campaign of that name.
    "/staff/offers/campaigns/pro/state/",
    *("/staff/analytics/reports/key/replace/", "/staff/analytics/reports/key/delete/"),
    *("/staff/analytics/reports/key/watch/", "/staff/analytics/dashboards/key/mail/"),
    "/staff/analytics/dashboards/key/tiles/",
    "/staff/analytics/dashboards/key/tiles/N/",
    "/staff/analytics/dashboards/key/delete/",
    *("/staff/conversion/price-lab/N/replay/", "/staff/conversion/price-lab/N/drop/"),
    *("/staff/offers/all/pro/state/", "/staff/offers/experiments/pro/state/"),
    # Who changes a plan or reads a transcript is of the organisation: staff are not.
    "/console/northwind/billing/change/drop/",
    "/console/northwind/transcripts/req/delete/",
}
BROWSER = {"accept": "text/html,application/xhtml+xml", "sec-fetch-mode": "navigate"}


def test_whoever_opens_the_address_of_a_form_comes_to_its_page(
    people: dict[str, Any], samples: dict[str, str]
) -> None:
    client = enter("superuser", people)
    refused, lost = [], {}

    for address in dict.fromkeys(addresses(samples)):
        if client.get(address).status_code != 405:
            continue
        refused.append(address)
        answer = client.get(address, headers=BROWSER, follow=True)
        if answer.status_code != 200 and not address.startswith(tuple(FOR_PROGRAMS)):
            lost[address] = (answer.status_code, answer.redirect_chain)

    assert "/console/northwind/keys/create/" in refused
    assert "/language/" in refused
    assert f"/forum/t/{samples['topic']}/reply/" in refused
    assert set(map(_numbered, lost)) == NOTHING_THERE, lost


def test_a_script_that_asks_wrongly_is_still_told_so(client: Client) -> None:
    browser = {"accept": "text/html"}

    assert client.get("/theme/", headers={"accept": "*/*"}).status_code == 405
    assert (
        client.get("/theme/", headers=browser | {"hx-request": "true"}).status_code
        == 405
    )
    assert (
        client.get("/theme/", headers=browser | {"sec-fetch-mode": "cors"}).status_code
        == 405
    )
    assert client.post("/forum/", headers=browser).status_code in {403, 405}
