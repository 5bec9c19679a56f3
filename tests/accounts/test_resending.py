"""A form that waits for a password is sent from its own page, as it was typed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from accounts.models import PersonalAccessToken, User
from core.crypto import encrypt
from tests.forms import confirm, form_of, forms_of, send_waiting
from tests.signing_in import age_sign_in

pytestmark = pytest.mark.django_db
TOKENS = "/settings/tokens/"
TOKEN = {"name": "CI", "scopes": ["read"], "days": "30"}
PASSWORD = {"password": "correct horse"}


@pytest.fixture
def ada(member: Callable[..., Any], sign_in: Callable[..., Client]) -> Client:
    """Return the browser of somebody who signed in an hour ago."""
    client = sign_in(member("ada"))
    age_sign_in(client, minutes=60)
    return client


def opened(client: Client, asked: Any) -> Any:
    """Type the password, and return the page that sends what waited."""
    return client.post(asked["Location"], PASSWORD, follow=True)


def test_a_refused_form_stands_under_its_own_address_with_what_was_typed(
    ada: Client,
) -> None:
    asked = ada.post("/settings/close/", {"username": "bem"})

    refused = confirm(ada, asked)

    assert refused.status_code == 422
    assert refused.request["PATH_INFO"] == "/settings/close/"
    form = form_of(refused.content.decode(), "username")
    assert form.values["username"] == "bem"
    # And what is sent from there arrives there.
    done = ada.post(form.action or "/settings/close/", {"username": "ada"})
    assert done["Location"] == "/accounts/closed/"


def test_every_value_is_sent_as_it_was_typed(ada: Client) -> None:
    typed = {
        "name": ["ann", "", 'quotes " & <b>\r\nand lines', "密钥"],
        "empty": [""],
        "a b[]": ["1"],
        "press": ["yes"],
    }

    page = opened(ada, ada.post(f"{TOKENS}?view=all&x=%26", typed))

    form = page.context["form"]
    assert form.address == f"{TOKENS}?view=all&x=%26"
    (sent,) = [
        each
        for each in forms_of(page.content.decode())
        if each.action == f"{TOKENS}?view=all&x=%26"
    ]
    token, *fields, button = sent.fields
    assert (button.kind, button.name) == ("submit", "")
    assert token.name == "csrfmiddlewaretoken"
    assert [(each.name, each.value) for each in fields] == [
        (name, value) for name, values in typed.items() for value in values
    ]


WAITS = {
    "en": "Your form is not sent yet.",
    "zh-hans": "您的表单尚未提交。",
}


@pytest.mark.parametrize("language", WAITS)
def test_the_page_that_asks_says_that_a_form_waits_until_it_is_sent(
    language: str, ada: Client
) -> None:
    ada.cookies["ds_language"] = language
    asked = ada.post(TOKENS, TOKEN)["Location"]

    first = ada.get(asked)
    wrong = ada.post(asked, {"password": "wrong horse"})
    sent = send_waiting(ada, ada.post(asked, PASSWORD, follow=True))
    after = ada.get(asked)

    assert WAITS[language] in first.content.decode()
    assert WAITS[language] in wrong.content.decode()
    assert sent.status_code == 302
    # Sent already: confirming again would not send it by itself.
    assert WAITS[language] not in after.content.decode()


@pytest.mark.parametrize(
    "leads",
    [
        "",
        "/settings/tokens/",
        "/accounts/send-again/none/",
        "https://elsewhere.test/accounts/send-again/none/",
        "//[",
        "no address",
    ],
)
def test_it_says_nothing_of_a_form_where_none_waits(leads: str, ada: Client) -> None:
    ada.post(TOKENS, TOKEN)

    page = ada.get("/accounts/reauthenticate/", {"next": leads} if leads else {})

    assert page.status_code == 200
    assert WAITS["en"] not in page.content.decode()
    assert "before anything that matters" in page.content.decode()


def test_each_way_to_confirm_says_that_a_form_waits(ada: Client) -> None:
    seed = {"secret": encrypt("JBSWY3DPEHPK3PXP")}
    user = User.objects.get(username="ada")
    Authenticator.objects.create(user=user, type="totp", data=seed)
    asked = ada.post(TOKENS, TOKEN)["Location"]

    by_password = ada.get(asked, follow=True)
    (other,) = by_password.context["reauthentication_alternatives"]
    by_the_other_way = ada.get(other["url"])

    paths = {by_password.request["PATH_INFO"], by_the_other_way.request["PATH_INFO"]}
    assert paths == {"/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"}
    for page in (by_password, by_the_other_way):
        assert WAITS["en"] in page.content.decode()


def test_nothing_is_sent_before_the_password_is_right(ada: Client) -> None:
    asked = ada.post(TOKENS, TOKEN)
    page = parse_qs(urlsplit(asked["Location"]).query)["next"][0]

    wrong = ada.post(asked["Location"], {"password": "wrong horse"})
    skipped = ada.get(page)

    assert "password" in wrong.context["form"].errors
    assert page.startswith("/accounts/send-again/")
    assert skipped["Location"].startswith("/accounts/reauthenticate/")
    assert not PersonalAccessToken.objects.exists()


def test_two_forms_wait_for_one_password_each_under_its_own_address(
    ada: Client,
) -> None:
    first = ada.post(TOKENS, {**TOKEN, "name": "first"})
    second = ada.post(TOKENS, {**TOKEN, "name": "second"})

    shown = opened(ada, first)
    send_waiting(ada, shown)
    assert [each.name for each in PersonalAccessToken.objects.all()] == ["first"]
    send_waiting(ada, opened(ada, second))

    names = PersonalAccessToken.objects.order_by("pk").values_list("name", flat=True)
    assert list(names) == ["first", "second"]


def test_who_comes_back_to_the_page_sends_nothing_by_itself(ada: Client) -> None:
    asked = ada.post(TOKENS, TOKEN)

    first = opened(ada, asked)
    again = ada.get(first.request["PATH_INFO"])

    assert "data-sends-itself" in first.content.decode()
    assert "data-sends-itself" not in again.content.decode()
    assert send_waiting(ada, again).status_code == 302
    assert PersonalAccessToken.objects.get().name == "CI"


@pytest.mark.parametrize(
    ("before", "leads"),
    [
        ("http://testserver/console/?a=1&b=2", "/console/?a=1&b=2"),
        ("https://elsewhere.test/settings/tokens/", "/console/"),
        ("", "/console/"),
    ],
)
def test_a_form_that_waited_too_long_leads_to_its_page_and_says_so(
    before: str, leads: str, ada: Client
) -> None:
    asked = ada.post(TOKENS, TOKEN, headers={"Referer": before})

    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        answer = ada.post(asked["Location"], PASSWORD, follow=True)

    assert leads in [address for address, _status in answer.redirect_chain]
    assert "It was not sent" in answer.content.decode()
    assert not PersonalAccessToken.objects.exists()


@pytest.mark.parametrize("page", ["https://elsewhere.test/", "//elsewhere.test", "x"])
def test_a_page_elsewhere_is_never_led_to(page: str, ada: Client) -> None:
    ada.post("/accounts/reauthenticate/", PASSWORD)

    answer = ada.get("/accounts/send-again/none/", {"next": page})

    assert answer["Location"] == "/console/"


def test_what_no_form_holds_is_not_carried_in_the_session(ada: Client) -> None:
    asked = ada.post(TOKENS, {**TOKEN, "name": "n" * 300_001})

    answer = ada.post(asked["Location"], PASSWORD, follow=True)

    assert "It was not sent" in answer.content.decode()
    assert len(str(dict(ada.session))) < 10_000


def test_nobody_else_opens_it_and_no_row_holds_it_in_words(
    ada: Client, member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    asked = ada.post(TOKENS, {**TOKEN, "name": "in-flight"})
    page = opened(ada, asked).request["PATH_INFO"]

    answer = sign_in(member("mallory")).get(page)

    assert answer["Location"] == "/console/"
    assert "in-flight" not in str(dict(ada.session))


def test_the_page_has_a_token_of_its_own(ada: Client) -> None:
    checked = Client(enforce_csrf_checks=True)
    checked.cookies = ada.cookies
    typed = form_of(checked.get(TOKENS).content.decode(), "scopes")
    asked = checked.post(TOKENS, typed.values | TOKEN)
    password = form_of(checked.get(asked["Location"]).content.decode(), "password")
    page = checked.post(asked["Location"], password.values | PASSWORD, follow=True)

    done = send_waiting(checked, page)

    assert done.status_code == 302
    assert PersonalAccessToken.objects.get().name == "CI"


def test_a_page_that_is_only_read_is_shown_once_the_password_is_right(
    ada: Client,
) -> None:
    asked = ada.get("/accounts/2fa/totp/activate/")

    shown = ada.post(asked["Location"], PASSWORD)

    assert shown["Location"] == "/accounts/2fa/totp/activate/"
