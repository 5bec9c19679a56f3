"""Whoever chose a language is spoken to in it, on pages and in mails."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.services import create_organisation
from notifications.letters import letter_about
from notifications.models import Kind
from notifications.services import notify
from tests.factories.accounts import with_seats

pytestmark = pytest.mark.django_db
NEWCOMER = {
    "email": "lin@example.test",
    "username": "lin",
    "password1": "correct horse battery",
}


def test_a_visitor_keeps_the_chosen_language_in_a_cookie() -> None:
    client = Client()

    client.post("/language/", {"language": "zh-hans", "next": "/"})

    assert '<html lang="zh-Hans"' in client.get("/").text


def test_a_language_chosen_in_the_menu_is_that_of_the_account(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    ada = member("ada")

    sign_in(ada).post("/language/", {"language": "zh-hans", "next": "/"})

    ada.refresh_from_db()
    assert ada.locale == "zh-hans"
    assert '<html lang="zh-Hans"' in sign_in(ada).get("/").text


def test_a_language_we_do_not_speak_changes_nothing(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    ada = member("ada", locale="zh-hans")

    sign_in(ada).post("/language/", {"language": "tlh", "next": "/"})

    ada.refresh_from_db()
    assert ada.locale == "zh-hans"


def test_the_language_of_the_account_wins_over_a_cookie_left_behind(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada", locale="zh-hans"))
    client.cookies["ds_language"] = "en"

    assert '<html lang="zh-Hans"' in client.get("/").text


def test_whoever_signs_up_is_written_to_in_the_language_of_that_page() -> None:
    client = Client(headers={"accept-language": "zh-CN,zh;q=0.9"})

    client.post("/accounts/signup/", NEWCOMER)

    assert User.objects.get().locale == "zh-hans"
    assert "请验证您在 Doorstone 的电子邮箱" in mail.outbox[0].subject


def test_a_known_guest_is_invited_in_their_language_and_others_in_the_hosts(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    erin = member("erin", locale="en")
    with_seats(create_organisation("Northwind", owner=erin), 3)
    member("lin", locale="zh-hans")
    client = sign_in(erin)

    for guest in ("lin", "ada"):
        client.post(
            "/console/northwind/members/",
            {"email": f"{guest}@example.test", "role": "member"},
        )

    assert [message.subject for message in mail.outbox] == [
        "erin 邀请您加入 Doorstone 上的 Northwind",
        "erin invites you to Northwind on Doorstone",
    ]


def test_a_notice_is_mailed_in_the_language_of_its_reader(
    member: Callable[..., Any],
) -> None:
    lin = member("lin", locale="zh-hans")

    told = notify(lin.pk, Kind.REPLY, dedupe_key="reply", url="/forum/", title="回复")

    assert told is not None
    letter = letter_about(told.pk, user=lin)
    assert letter is not None
    assert "lin，您好：" in letter.text
