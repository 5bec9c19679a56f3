"""Signing up: confirmed addresses only, and nobody learns who has an account."""

import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client

from accounts.models import Organisation, User
from accounts.services import create_user
from outbox.models import Event

pytestmark = pytest.mark.django_db
FORM = {"email": "ada@new.test", "username": "ada", "password1": "a long pass phrase"}


class CountingHasher(MD5PasswordHasher):
    """Counts what costs the time of a sign-up or sign-in."""

    calls: ClassVar[int] = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).calls += 1
        return super().encode(password, salt)


@pytest.fixture
def hashing(settings: Any) -> Iterator[type[CountingHasher]]:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.calls = 0
    yield CountingHasher
    CountingHasher.calls = 0


def link_in(text: str) -> str:
    found = re.search(r"https?://testserver(/\S+)", text)
    assert found
    return found[1]


def test_nobody_is_in_before_the_address_is_confirmed(client: Client) -> None:
    answer = client.post("/accounts/signup/", FORM, follow=True)

    assert answer.redirect_chain[-1][0].endswith("/accounts/confirm-email/")
    assert client.get("/settings/profile/").status_code == 302
    assert EmailAddress.objects.get().verified is False
    refused = client.post(
        "/accounts/login/", {"login": FORM["email"], "password": FORM["password1"]}
    )
    assert refused["Location"].endswith("/accounts/confirm-email/")
    assert client.get("/settings/profile/").status_code == 302


@pytest.mark.parametrize("odd", ["http://[::1", "//[", "//\u2100/", "http://a:b]/"])
@pytest.mark.parametrize("page", ["login", "signup", "password/reset"])
def test_a_way_back_that_is_no_address_is_left_out(
    page: str, odd: str, person: Callable[..., User], client: Client
) -> None:
    known = person("ben")
    EmailAddress.objects.create(user=known, email=known.email, verified=True)
    sign_in = {"login": known.email, "password": "correct horse"}
    form = sign_in if page == "login" else FORM

    answer = client.post(f"/accounts/{page}/", {**form, "next": odd})
    shown = Client().get(f"/accounts/{page}/", {"next": odd})

    assert answer.status_code in {200, 302}
    assert odd not in answer.get("Location", "")
    assert shown.status_code == 200


def test_the_link_in_the_mail_confirms_on_a_click_and_signs_in(client: Client) -> None:
    client.post("/accounts/signup/", FORM)
    link = link_in(str(mail.outbox[0].body))

    shown = client.get(link)
    untouched = EmailAddress.objects.get().verified
    client.post(link)

    assert shown.status_code == 200
    assert untouched is False
    assert EmailAddress.objects.get().verified is True
    assert client.get("/settings/profile/").status_code == 200
    assert Organisation.objects.get().owner == User.objects.get()
    names = set(Event.objects.values_list("name", flat=True))
    assert {name.rsplit(".", 1)[-1] for name in names} >= {
        "UserSignedUp",
        "OrganisationCreated",
        "EmailVerified",
    }


def test_whoever_just_confirmed_is_not_asked_for_the_password_again(
    client: Client,
) -> None:
    client.post("/accounts/signup/", FORM)
    client.post(link_in(str(mail.outbox[0].body)))

    answer = client.post("/settings/tokens/", {"name": "Laptop", "scopes": "read"})

    assert answer.status_code == 302
    assert re.fullmatch(r"/settings/tokens/\d+/secret/", answer["Location"])


def test_a_known_address_gets_the_same_answer_and_a_mail_that_says_so(
    member: Callable[..., Any], hashing: type[CountingHasher]
) -> None:
    member("ada")
    hashing.calls = 0
    known = Client().post(
        "/accounts/signup/",
        {**FORM, "email": "ada@example.test", "username": "ada2"},
    )
    spent_known = hashing.calls
    hashing.calls = 0

    new = Client().post("/accounts/signup/", {**FORM, "username": "ada3"})

    assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
    assert spent_known == hashing.calls == 1
    assert [message.to for message in mail.outbox] == [
        ["ada@example.test"],
        ["ada@new.test"],
    ]
    assert not User.objects.filter(username="ada2").exists()


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    member: Callable[..., Any], hashing: type[CountingHasher]
) -> None:
    member("ada")
    texts, spent = [], []
    for email in ("ada@example.test", "nobody@example.test"):
        hashing.calls = 0
        form = {"login": email, "password": "wrong wrong"}
        answer = Client().post("/accounts/login/", form)
        text = re.sub(r'nonce="[^"]*"|name="csrf[^>]*>|req_\w+', "", answer.text)
        texts.append((answer.status_code, text.replace(email, "E")))
        spent.append(hashing.calls)

    strip = re.compile(
        r'content="[A-Za-z0-9]{64}"|value="[A-Za-z0-9]{64}"|hx-nonce="[^"]*"'
    )
    assert strip.sub("", texts[0][1]) == strip.sub("", texts[1][1])
    assert texts[0][0] == texts[1][0]
    assert spent == [1, 1]


def test_a_reset_says_the_same_to_everybody(member: Callable[..., Any]) -> None:
    member("ada")

    known = Client().post("/accounts/password/reset/", {"email": "ada@example.test"})
    unknown = Client().post("/accounts/password/reset/", {"email": "no@example.test"})

    assert (known.status_code, known["Location"]) == (
        unknown.status_code,
        unknown["Location"],
    )
    assert [message.to[0] for message in mail.outbox] == [
        "ada@example.test",
        "no@example.test",
    ]


def test_a_reset_link_works_once_and_signs_nobody_in(
    client: Client, member: Callable[..., Any]
) -> None:
    ada = member("ada")
    client.post("/accounts/password/reset/", {"email": ada.email})
    link = link_in(str(mail.outbox[0].body))

    form = client.get(link, follow=True)
    inner = form.redirect_chain[-1][0]
    words = {"password1": "another long phrase", "password2": "another long phrase"}
    client.post(inner, words)
    again = Client().get(link, follow=True)

    ada.refresh_from_db()
    assert ada.check_password("another long phrase")
    assert client.get("/settings/profile/").status_code == 302
    assert 'name="password1"' not in again.text


@pytest.mark.parametrize(
    "password", ["short", "password12", "ada@new.test", "1234567890"]
)
def test_a_weak_password_is_refused_and_the_rest_stays_typed(
    password: str, client: Client
) -> None:
    answer = client.post("/accounts/signup/", {**FORM, "password1": password})

    assert 'value="ada@new.test"' in answer.text
    assert 'value="ada"' in answer.text
    assert User.objects.count() == 0


def test_a_very_long_password_of_any_characters_is_accepted(client: Client) -> None:
    password = "🐎" * 128

    client.post("/accounts/signup/", {**FORM, "password1": password})

    assert User.objects.get().check_password(password)


def test_somebody_a_command_created_gets_an_organisation_at_sign_in(
    sign_in: Callable[..., Client],
) -> None:
    root = User.objects.create_superuser("root@example.test", "root", "correct horse")
    EmailAddress.objects.create(
        user=root, email=root.email, verified=True, primary=True
    )

    client = sign_in(root)

    assert client.get("/console/", follow=True).status_code == 200


def test_whoever_is_created_is_told_of_with_their_browser(db: None) -> None:
    user = create_user("ben@example.test", "ben", visitor_id="v_1")

    told = Event.objects.get(name="UserSignedUp")
    assert told.payload == {"user_id": user.pk, "visitor_id": "v_1"}
    assert not user.has_usable_password()
