"""Mails about an account: in our words, from our address, whoever asked how."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import allauth
import pytest
from django.core import mail
from django.test import Client
from django.utils import translation

from accounts.letters import LETTERS, write
from accounts.services import create_organisation
from tests.factories.accounts import with_seats

pytestmark = pytest.mark.django_db
Member = Callable[..., Any]
TEMPLATES = Path(allauth.__file__).parent / "templates"
# What is off here: codes instead of links, and pieces of other mails.
NOT_SENT = {
    "account/email/base",
    "account/email/login_code",
    "account/email/password_reset_code",
}
CONTEXT = {
    "activate_url": "https://site.test/confirm/",
    "password_reset_url": "https://site.test/reset/",
    "signup_url": "https://site.test/signup/",
    "from_email": "old@away.test",
    "to_email": "new@away.test",
    "deleted_email": "old@away.test",
    "provider": "GitHub",
    "ip": "198.51.100.7",
    "user_agent": "Firefox",
}


def mails_of_the_library() -> Iterator[str]:
    for path in TEMPLATES.glob("*/email/*_message.txt"):
        yield str(path.relative_to(TEMPLATES)).removesuffix("_message.txt")


def test_every_mail_the_library_may_send_has_our_words() -> None:
    theirs = set(mails_of_the_library())

    assert len(theirs) > 15
    assert theirs - NOT_SENT == set(LETTERS)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("prefix", sorted(LETTERS))
def test_a_mail_names_the_product_and_leads_somewhere(
    prefix: str, language: str
) -> None:
    with translation.override(language):
        subject, text, html = write(prefix, CONTEXT)

    assert "Doorstone" in subject
    assert "%(" not in subject + text + html
    assert "[" not in subject
    link = LETTERS[prefix].link
    if link:
        assert CONTEXT[link] in text
        assert f'href="{CONTEXT[link]}"' in html
    is_chinese = bool(re.search(r"[\u4e00-\u9fff]", subject))
    assert is_chinese == (language == "zh-hans")


def test_names_in_a_mail_are_text() -> None:
    _, _, html = write(
        "socialaccount/email/account_connected",
        {**CONTEXT, "provider": "<b>x</b>", "user_agent": "<script>"},
    )

    assert "<b>x" not in html
    assert "<script" not in html


def test_an_invitation_names_inviter_team_and_role(
    member: Member, sign_in: Callable[..., Client]
) -> None:
    erin = member("erin", display_name="Erin Novak")
    with_seats(create_organisation("Northwind", owner=erin), 3)

    sign_in(erin).post(
        "/console/northwind/members/", {"email": "ada@away.test", "role": "billing"}
    )

    (message,) = mail.outbox
    assert message.subject == "Erin Novak invites you to Northwind on Doorstone"
    assert "Your role there: Billing." in message.body
    found = re.search(r"http://testserver(/invitations/\S+)", str(message.body))
    assert found
    page = Client().get(found[1])
    assert page.status_code == 200
    assert "Erin Novak invites you to join Northwind" in page.text


@pytest.fixture
def poisoned() -> Client:
    """A browser that claims to have asked for another host."""
    return Client(
        headers={
            "host": "localhost",
            "x-forwarded-host": "evil.test",
            "x-forwarded-proto": "https",
            "forwarded": "host=evil.test",
        }
    )


def test_no_mail_follows_the_host_that_was_asked_for(
    poisoned: Client, member: Member
) -> None:
    ada = member("ada")
    with_seats(create_organisation("Northwind", owner=ada), 3)
    for path, form in [
        ("/accounts/password/reset/", {"email": ada.email}),
        ("/accounts/password/reset/", {"email": "nobody@away.test"}),
        (
            "/accounts/signup/",
            {
                "email": ada.email,
                "username": "other",
                "password1": "correct horse battery",
            },
        ),
        (
            "/accounts/signup/",
            {
                "email": "new@away.test",
                "username": "new",
                "password1": "correct horse battery",
            },
        ),
        ("/accounts/login/", {"login": ada.email, "password": "correct horse"}),
        ("/accounts/email/", {"action_add": "", "email": "second@away.test"}),
        (
            "/accounts/password/change/",
            {
                "oldpassword": "correct horse",
                "password1": "another long phrase",
                "password2": "another long phrase",
            },
        ),
        (
            "/console/northwind/members/",
            {"email": "guest@away.test", "role": "member"},
        ),
    ]:
        assert poisoned.post(path, form).status_code == 302, path

    assert len(mail.outbox) == 7
    for message in mail.outbox:
        whole = (
            f"{message.subject}\n{message.body}\n{getattr(message, 'alternatives', '')}"
        )
        addresses = re.findall(r"https?://[^/\s\"'<]+", whole)
        assert set(addresses) == {"http://testserver"}, message.subject
        assert "localhost" not in whole
        assert "evil" not in whole


@pytest.mark.parametrize(
    "path",
    [
        "/forum/feed.atom",
        "/sitemap.xml",
        "/sitemap-places.xml",
        "/sitemap-topics.xml",
        "/robots.txt",
        "/llms.txt",
        "/api/schema/",
        "/docs/",
        "/",
    ],
)
def test_no_address_on_a_page_follows_it_either(path: str, poisoned: Client) -> None:
    answer = poisoned.get(path, follow=True)

    assert "localhost" not in answer.text
    assert "evil.test" not in answer.text
