"""Closing an account, what a closed one may still do, and taking that back."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import tokens
from accounts.queries import personal_organisation
from community.forum.models import Topic
from inference.keys.models import ApiKey
from privacy import services
from privacy.exceptions import AlreadyClosed, NotClosed
from privacy.models import Closing
from tests.factories import forum
from tests.factories.inference import key_of
from tests.privacy.traces import actions, facts, mails_to
from tests.signing_in import age_sign_in, browser_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
PAGE = "/settings/close/"


def test_who_closes_is_out_everywhere_at_once(
    person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada = person("ada")
    browser, other = browser_of(ada), browser_of(ada)
    key = key_of(personal_organisation(ada), ada)
    _token, secret = tokens.create_token(ada, name="CI", scopes=["read"])

    answer = browser.post(PAGE, {"username": "ada"})
    deliver_outbox()

    assert answer.headers["Location"] == "/accounts/closed/"
    assert browser.get("/accounts/closed/").status_code == 200
    assert not UserSession.objects.filter(user=ada).exists()
    for each in (browser, other):
        assert (
            each.get("/settings/profile/")
            .headers["Location"]
            .startswith("/accounts/login/")
        )
    assert tokens.find_token(secret) is None
    assert ApiKey.objects.get(pk=key.pk).revoked_at is not None
    assert facts() == ["AccountClosed"]
    assert mails_to(ada.email)[-1].endswith("is closed")


def test_the_name_is_typed_and_what_was_typed_is_kept(person: Person) -> None:
    ada = person("ada")
    browser = browser_of(ada)

    for typed, status in (("", 422), ("adam", 422)):
        answer = browser.post(PAGE, {"username": typed})
        assert answer.status_code == status
    assert 'value="adam"' in answer.content.decode()
    assert "Your username is ada." in answer.content.decode()
    ada.refresh_from_db()
    assert ada.closes_at is None
    assert browser.post(PAGE, {"username": "@Ada"}).status_code == 302


def test_it_asks_for_the_password_again(person: Person) -> None:
    ada = person("ada")
    browser = browser_of(ada)
    age_sign_in(browser, minutes=10)

    answer = browser.post(PAGE, {"username": "ada"})

    assert "reauthenticate" in answer.headers["Location"]
    ada.refresh_from_db()
    assert ada.closes_at is None


def test_without_a_password_it_works_too(
    client: Client, person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada")
    ada.set_unusable_password()
    ada.save()
    SocialAccount.objects.create(user=ada, provider="github", uid="7")
    client.force_login(ada)

    answer = client.post(PAGE, {"username": "ada"})
    erase(ada)

    assert answer.headers["Location"] == "/accounts/closed/"
    assert ada.erased_at is not None
    assert not SocialAccount.objects.exists()


def test_a_sign_in_says_so_and_one_button_takes_it_back(person: Person) -> None:
    ada = person("ada")
    services.close_account(ada)

    browser = browser_of(ada)
    led = browser.get("/forum/", follow=True)
    assert led.redirect_chain[-1][0] == PAGE
    page = led.content.decode()
    assert "Your account is closed" in page
    assert re.search(r'action="/settings/close/undo/"', page)
    assert browser.get("/api/v1/topics/").json()["code"] == "account_closing"
    assert browser.get("/settings/data/").status_code == 200

    answer = browser.post("/settings/close/undo/")

    assert answer.headers["Location"] == "/settings/profile/"
    assert browser.get("/forum/").status_code == 200
    ada.refresh_from_db()
    assert ada.closes_at is None
    assert facts() == ["AccountClosed", "AccountReopened"]
    assert actions() == ["person.account_closed", "person.account_reopened"]
    assert mails_to(ada.email)[-1].endswith("is open again")
    closing = Closing.objects.get()
    assert (closing.reopened_at is None, closing.erased_at) == (False, None)


def test_what_a_closed_account_types_is_given_back_and_nothing_is_done(
    person: Person,
) -> None:
    ada = person("ada")
    category = forum.category()
    browser = browser_of(ada)
    # Typed before it was closed in another window.
    page = browser.get("/forum/new/").content.decode()
    token = re.search(r'name="draft"[^>]* value="([^"]+)"', page)
    assert token is not None
    services.close_account(ada)
    browser = browser_of(ada)
    typed = {
        "title": "A long title",
        "text": "Hours of <b>work</b>",
        "category": category.pk,
        "draft": token[1],
        "password": "s3cr",
    }

    answer = browser.post("/forum/new/", typed)

    said = answer.content.decode()
    assert answer.status_code == 403
    assert "Hours of &lt;b&gt;work&lt;/b&gt;" in said
    assert "A long title" in said
    assert "s3cr" not in said
    assert f">{token[1]}<" not in said
    # And how to go on.
    assert 'action="/settings/close/undo/"' in said
    assert not Topic.objects.exists()
    browser.post("/settings/close/undo/")
    assert "Hours of" in browser.get("/forum/new/").content.decode()


def test_a_closed_account_is_told_so_in_each_way_that_is_asked(
    person: Person,
) -> None:
    ada = person("ada")
    services.close_account(ada)
    browser = browser_of(ada)
    piece = {"HX-Request": "true"}

    assert browser.get("/notifications/_unread/", headers=piece).status_code == 204
    assert browser.head("/forum/").headers["Location"] == PAGE
    for answer in (
        browser.get("/api/v1/topics/"),
        browser.post("/api/v1/topics/", {}, content_type="application/json"),
        browser.delete("/api/v1/topics/1/"),
    ):
        assert answer.status_code == 403
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["code"] == "account_closing"


def test_the_wall_costs_no_query(client: Client, person: Person) -> None:
    client.force_login(person("ada"))
    client.get("/robots.txt")

    with CaptureQueriesContext(connection) as queries:
        client.get("/settings/close/undo/")

    asked = [each["sql"] for each in queries if "privacy_" in each["sql"]]
    assert asked == []


def test_closing_twice_and_opening_what_is_open_are_refused(person: Person) -> None:
    ada = person("ada")
    with pytest.raises(NotClosed):
        services.restore_account(ada)
    services.close_account(ada)

    with pytest.raises(AlreadyClosed):
        services.close_account(ada)

    assert Closing.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Closing.objects.create(user=ada)


def test_a_second_closing_after_taking_it_back_is_another(
    person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada")
    services.close_account(ada)
    services.restore_account(ada)
    services.close_account(ada)

    erase(ada)

    assert ada.erased_at is not None
    ends = Closing.objects.order_by("pk").values_list("reopened_at", "erased_at")
    assert [(back is None, gone is None) for back, gone in ends] == [
        (False, True),
        (True, False),
    ]


def test_mails_speak_the_language_of_their_reader(person: Person) -> None:
    ada = person("ada", locale="zh-hans")
    services.close_account(ada)
    services.restore_account(ada)

    assert not [each for each in mails_to(ada.email) if "account" in each.lower()]
    assert mail.outbox == []
