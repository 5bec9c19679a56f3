"""Where a way began is where it ends, with a sign-up or a purchase in between."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client, RequestFactory

from accounts.models import User
from accounts.wishes import wish_from, wish_of, with_wish

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
NEW = {
    "email": "new@example.test",
    "username": "newby",
    "password1": "a long secret 1",
}


def confirmation_path() -> str:
    found = re.search(r"/accounts/confirm-email/[^\s/]+/", str(mail.outbox[-1].body))
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("asked", "wish"),
    [
        ("/forum/", "/forum/"),
        ("/playground/?model=a%2Fb&x=1", "/playground/?model=a%2Fb&x=1"),
        ("/console/-/keys/#new", "/console/-/keys/#new"),
        ("https://evil.test/forum/", ""),
        ("//evil.test/forum/", ""),
        ("/\\evil.test", ""),
        ("forum/", ""),
        ("javascript:alert(1)", ""),
        ("/no/such/page/", ""),
        ("/accounts/login/?next=/forum/", ""),
        ("/accounts/logout/", ""),
        ("/forum/?" + "x" * 2000, ""),
        ("", ""),
    ],
)
def test_only_a_page_of_ours_is_a_wish(asked: str, wish: str) -> None:
    for request in (
        RequestFactory().get("/pricing/", {"next": asked}),
        RequestFactory().post("/pricing/", {"next": asked}),
    ):
        assert wish_of(request) == wish


def test_a_wish_travels_whole() -> None:
    wish = "/playground/?model=a&prompt=1+1#end"

    request = RequestFactory().get(with_wish("/pricing/?interval=year#plans", wish))

    assert wish_of(request) == wish
    assert request.GET["interval"] == "year"


@pytest.mark.parametrize(
    ("page", "wish"),
    [
        ("/forum/?page=2", "/forum/?page=2"),
        ("/", ""),
        ("/accounts/login/?next=/forum/", "/forum/"),
        ("/accounts/password/reset/", ""),
    ],
)
def test_signing_in_leads_back_to_the_page_it_began_on(page: str, wish: str) -> None:
    assert wish_from(RequestFactory().get(page)) == wish


def test_the_top_bar_leads_back_to_the_page_it_stands_on() -> None:
    html = Client().get("/models/?edition=open").content.decode()

    back = "next=/models/%3Fedition%3Dopen"
    assert html.count(f'href="/accounts/login/?{back}"') == 2
    assert html.count(f'href="/accounts/signup/?{back}"') == 2


def test_the_button_of_the_home_page_leads_to_a_key() -> None:
    html = Client().get("/").content.decode()
    button = re.search(r'href="([^"]+)"[^>]*>Get an API key', html)
    assert button is not None
    client = Client()

    client.post(button[1], NEW)
    answer = client.post(confirmation_path())

    assert answer["Location"] == "/console/-/keys/#new"
    keys = client.get("/console/-/keys/", follow=True)
    assert keys.redirect_chain == [("/console/newby/keys/", 302)]
    assert keys.status_code == 200


def test_a_mail_opened_on_another_device_leads_on_to_the_same_page() -> None:
    Client().post("/accounts/signup/?next=/forum/new/", NEW)
    phone = Client()

    answer = phone.post(confirmation_path())
    assert answer["Location"] == "/accounts/login/?next=/forum/new/"
    form = {"login": NEW["email"], "password": NEW["password1"]}
    answer = phone.post(answer["Location"], form)

    assert answer["Location"] == "/forum/new/"


def test_a_wish_is_fulfilled_once() -> None:
    Client().post("/accounts/signup/?next=/forum/new/", NEW)
    phone = Client()
    phone.post(confirmation_path())
    form = {"login": NEW["email"], "password": NEW["password1"]}

    first = phone.post("/accounts/login/", form)
    later = Client().post("/accounts/login/", form)

    assert first["Location"] == "/forum/new/"
    assert later["Location"] == "/console/"
    assert User.objects.get(username="newby").wish == ""


def test_a_foreign_address_is_never_kept() -> None:
    Client().post("/accounts/signup/?next=https://evil.test/", NEW)

    assert User.objects.get(username="newby").wish == ""


def test_nobody_lands_on_the_home_page_after_signing_in(person: Person) -> None:
    from allauth.account.models import EmailAddress

    ada = person("ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    form = {"login": ada.email, "password": "correct horse"}

    answer = Client().post("/accounts/login/", form)

    assert answer["Location"] == "/console/"
