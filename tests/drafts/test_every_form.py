"""Every form of every page: a token against forgery, and a draft where one types."""

import re
from typing import Any

import pytest

from drafts.models import Draft
from tests.drafts.every_page import enter, numbered, pages
from tests.forms import form_of, forms_of
from tests.signing_in import record_sign_in

pytestmark = pytest.mark.django_db
ROLES = ("visitor", "owner", "superuser")
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
                drafted.add(numbered(action))
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

    assert numbered(form.action or page) == action
    assert sent.status_code == 302
    assert sent["Draft-Accepted"]
    assert not Draft.objects.filter(accepted_at=None).exists()
