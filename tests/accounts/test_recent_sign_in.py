"""Whoever has just shown who they are is not asked again; everybody else is."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from tests.signing_in import age_sign_in

pytestmark = pytest.mark.django_db
GUARDED = [
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/2fa/recovery-codes/generate/",
]
NEWCOMER = {
    "email": "ada@new.test",
    "username": "ada",
    "password1": "correct horse battery",
}


def is_asked(client: Client, path: str) -> bool:
    answer = client.get(path)
    return answer.status_code == 302 and "reauthenticate" in answer["Location"]


@pytest.mark.parametrize("path", GUARDED)
def test_a_sign_in_of_a_minute_ago_is_recent(
    path: str, member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    age_sign_in(client, minutes=1)

    assert not is_asked(client, path)


@pytest.mark.parametrize("path", GUARDED)
def test_a_sign_in_of_ten_minutes_ago_is_not(
    path: str, member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    age_sign_in(client, minutes=10)

    assert is_asked(client, path)


def test_confirming_the_address_of_a_sign_up_is_a_sign_in() -> None:
    client = Client()
    client.post("/accounts/signup/", NEWCOMER)
    found = re.search(r"http://testserver(/\S+confirm\S+)", str(mail.outbox[0].body))
    assert found

    client.post(found[1])

    assert client.get("/settings/profile/").status_code == 200
    assert not is_asked(client, GUARDED[0])


def test_confirming_an_address_long_after_the_password_is_a_sign_in_too(
    person: Callable[..., Any],
) -> None:
    ada, client = person("ada"), Client()
    client.post("/accounts/login/", {"login": ada.email, "password": "correct horse"})
    age_sign_in(client, minutes=10)
    found = re.search(r"http://testserver(/\S+confirm\S+)", str(mail.outbox[0].body))
    assert found

    client.post(found[1])

    assert client.get("/settings/profile/").status_code == 200
    assert not is_asked(client, GUARDED[0])


def test_a_session_without_a_record_of_its_sign_in_is_asked(
    member: Callable[..., Any],
) -> None:
    client = Client()
    client.force_login(member("ada"))
    session = client.session
    session.pop("account_authentication_methods", None)
    session.save()

    assert is_asked(client, GUARDED[0])
