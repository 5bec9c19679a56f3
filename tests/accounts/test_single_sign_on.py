"""Signing in through others, against a real OpenID Connect server on loopback."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from accounts.models import Identity, User
from core.crypto import encrypt
from tests.fakes.oidc import Provider, running_provider
from tests.fakes.servers import free_port
from tests.signing_in import age_sign_in

pytestmark = pytest.mark.django_db
GRACE = {
    "sub": "grace-1",
    "email": "grace@corp.test",
    "email_verified": True,
    "name": "Grace H.",
    "preferred_username": "grace",
}


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    with running_provider(dict(GRACE)) as running:
        app = {
            "provider_id": "oidc",
            "name": "Corp login",
            "client_id": running.client_id,
            "secret": running.client_secret,
            "settings": {"server_url": running.url},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        settings.ROOT_URLCONF = "tests.accounts.all_providers"
        yield running


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def visit(url: str) -> str:
    """Return where the provider sends a browser."""
    try:
        urllib.request.build_opener(_Stay).open(url)
    except urllib.error.HTTPError as answer:
        with answer:
            return str(answer.headers["Location"])
    raise AssertionError(f"{url} redirected nowhere")


def pass_through(client: Client, path: str = "/accounts/oidc/oidc/login/") -> Any:
    """Go from our button to the provider and back; return our answer."""
    away = client.post(path)
    back = urlsplit(visit(away["Location"]))
    return client.get(f"{back.path}?{back.query}")


def test_buttons_appear_only_for_what_is_set(settings: Any) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {}
    without = Client().get("/accounts/login/").text
    app = {"client_id": "x", "secret": "y"}
    settings.SOCIALACCOUNT_PROVIDERS = {"github": {"APPS": [app]}}
    settings.ROOT_URLCONF = "tests.accounts.all_providers"
    with_github = Client().get("/accounts/login/").text

    assert "Continue with" not in without
    assert "Continue with GitHub" in with_github
    assert "/accounts/github/login/" in with_github


def test_the_button_carries_the_providers_own_name(provider: Provider) -> None:
    for path in ("/accounts/login/", "/accounts/signup/"):
        assert "Continue with Corp login" in Client().get(path).text


def test_a_stranger_signs_up_through_the_provider(provider: Provider) -> None:
    client = Client()

    pass_through(client)

    user = User.objects.get()
    assert (user.email, user.has_usable_password()) == ("grace@corp.test", False)
    assert EmailAddress.objects.get().verified is True
    assert client.get("/console/", follow=True).status_code == 200
    assert Identity.objects.get().external_id == "grace-1"
    assert provider.requests == [
        "/.well-known/openid-configuration",
        "/authorize",
        "/.well-known/openid-configuration",
        "/token",
        "/userinfo",
    ]


def test_the_same_subject_is_the_same_person_whatever_the_address(
    provider: Provider,
) -> None:
    pass_through(Client())
    provider.claims["email"] = "grace.h@corp.test"
    again = Client()

    pass_through(again)

    assert User.objects.count() == 1
    assert again.get("/settings/profile/").status_code == 200


def test_an_address_of_somebody_here_does_not_let_the_provider_in(
    provider: Provider, member: Callable[..., Any]
) -> None:
    ada = member("ada")
    provider.claims |= {"sub": "mallory", "email": ada.email}
    client = Client()

    pass_through(client)

    assert client.get("/settings/profile/").status_code == 302
    assert Identity.objects.count() == 0
    assert User.objects.count() == 1


def test_an_unconfirmed_address_has_to_be_confirmed_here(provider: Provider) -> None:
    provider.claims["email_verified"] = False
    client = Client()

    answer = pass_through(client)

    assert answer["Location"].endswith("/accounts/confirm-email/")
    assert client.get("/settings/profile/").status_code == 302
    assert [message.to for message in mail.outbox] == [["grace@corp.test"]]


def test_a_callback_nobody_asked_for_signs_nobody_in(provider: Provider) -> None:
    away = Client().post("/accounts/oidc/oidc/login/")
    back = urlsplit(visit(away["Location"]))
    victim = Client()

    victim.get(f"{back.path}?{back.query}")

    assert victim.get("/settings/profile/").status_code == 302
    assert User.objects.count() == 0


def test_the_way_out_is_a_post(provider: Provider) -> None:
    shown = Client().get("/accounts/oidc/oidc/login/")

    assert shown.status_code == 200
    assert provider.requests == []


def test_whoever_has_just_come_through_the_provider_is_not_asked_again(
    provider: Provider,
) -> None:
    client = Client()
    pass_through(client)

    assert client.get("/accounts/2fa/totp/activate/").status_code == 200


def test_the_provider_does_not_stand_in_for_the_second_factor(
    provider: Provider,
) -> None:
    pass_through(Client())
    grace = User.objects.get()
    Authenticator.objects.create(user=grace, type="totp", data={"secret": encrypt("A")})
    again = Client()

    answer = pass_through(again)

    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert again.get("/settings/profile/").status_code == 302


def test_an_account_is_connected_in_settings_once_the_password_is_confirmed(
    provider: Provider, member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    ada = member("ada")
    client = sign_in(ada)
    age_sign_in(client, minutes=10)

    asked = pass_through(client, "/accounts/oidc/oidc/login/?process=connect")
    before = Identity.objects.count()
    client.post(asked["Location"], {"password": "correct horse"})

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert before == 0
    assert Identity.objects.get().user == ada
    again = Client()
    pass_through(again)
    assert again.get("/settings/profile/").wsgi_request.user == ada


DISCOVERY = "/.well-known/openid-configuration"
NO = {401, 502, 503}
BROKEN = [
    *((DISCOVERY, 500, b"oops"), (DISCOVERY, 200, b"<html>"), (DISCOVERY, 200, b"[]")),
    *((DISCOVERY, 200, b"{}"), (DISCOVERY, 200, b'{"authorization_endpoint": 7}')),
    *(("/token", 500, b"oops"), ("/token", 200, b"<html>"), ("/token", 200, b"[]")),
    *(("/token", 200, b"{}"), ("/token", 200, b'{"access_token": {}, "id_token": 7}')),
    *(("/userinfo", 500, b"oops"), ("/userinfo", 200, b"<html>")),
    *(("/userinfo", 200, b"[]"), ("/userinfo", 200, b"null")),
    ("/userinfo", 200, b'{"sub": "%s", "email": "a@b.test"}' % (b"x" * 300)),
    ("/userinfo", 200, b'{"sub": "x", "email": ["a@b.test"]}'),
    ("/userinfo", 200, b'{"sub": "x", "email": {"a": 1}, "preferred_username": []}'),
    ("/userinfo", 200, b'{"sub": "\\u0000", "email": "a@b.test"}'),
]


@pytest.mark.parametrize(("path", "status", "body"), BROKEN)
def test_a_provider_that_talks_nonsense_is_a_page_that_says_so(
    path: str, status: int, body: bytes, provider: Provider
) -> None:
    provider.faults[path] = (status, body)
    client = Client(raise_request_exception=False)

    answer = client.post("/accounts/oidc/oidc/login/")
    if answer.status_code == 302:
        back = urlsplit(visit(answer["Location"]))
        answer = client.get(f"{back.path}?{back.query}")

    # What the signed token says is enough, so nonsense beside it lets a person in, or
    # to the form that asks for what is missing.
    assert answer.status_code in ({302, 502, 401} if path == "/userinfo" else NO)
    assert User.objects.count() == (answer.headers.get("Location") == "/console/")


def test_a_provider_that_is_away_is_told_with_another_way_in(
    provider: Provider, settings: Any
) -> None:
    (app,) = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    app["settings"] = {"server_url": f"http://127.0.0.1:{free_port()}"}

    answer = Client(raise_request_exception=False).post("/accounts/oidc/oidc/login/")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "sign in with a password" in answer.text


@pytest.mark.parametrize(
    ("said", "is_confirmed"),
    [(True, True), ("true", True), (False, False), ("false", False), ("no", False)],
)
def test_an_address_is_confirmed_only_where_the_provider_says_so(
    said: Any, is_confirmed: bool, provider: Provider
) -> None:
    provider.claims["email_verified"] = said
    client = Client()

    pass_through(client)

    assert EmailAddress.objects.get().verified is is_confirmed
    assert ("_auth_user_id" in client.session) is is_confirmed


def test_a_mailbox_is_not_flooded_by_who_comes_without_an_address(
    provider: Provider, person: Callable[..., Any]
) -> None:
    """They come again and again, and each known address typed in is a mail."""
    ada = person("ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    del provider.claims["email"]
    client, answers = Client(), []
    for _ in range(7):
        pass_through(client)
        form = {"email": ada.email, "username": "grace"}
        answers.append(client.post("/accounts/3rdparty/signup/", form))

    assert [answer.status_code for answer in answers] == [302] * 5 + [429] * 2
    assert [message.to for message in mail.outbox] == [[ada.email]] * 5
    assert int(answers[-1]["Retry-After"]) > 0
