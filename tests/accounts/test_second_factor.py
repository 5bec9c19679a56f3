"""Second factors: seeds nobody can read, codes that work once."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connection
from django.test import Client

from core.crypto import decrypt
from edge import shown_once
from tests.fakes.authenticator import code_of
from tests.signing_in import record_sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def enrolled(
    member: Callable[..., Any],
    sign_in: Callable[..., Client],
) -> tuple[Any, Client, str]:
    """Return somebody who just switched TOTP on, their browser and the seed."""
    ada = member("ada")
    client = sign_in(ada)
    client.post("/accounts/reauthenticate/", {"password": "correct horse"})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    return ada, client, secret


def test_the_stored_row_holds_no_readable_seed(
    enrolled: tuple[Any, Client, str],
) -> None:
    ada, _client, secret = enrolled

    row = Authenticator.objects.get(user=ada, type="totp")
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        stored = " ".join(text for (text,) in cursor.fetchall())

    assert secret not in stored
    assert decrypt(row.data["secret"]) == secret


@pytest.mark.django_db(transaction=True)
def test_whoever_owns_the_account_is_told_by_mail(
    enrolled: tuple[Any, Client, str],
) -> None:
    ada, _client, _secret = enrolled

    assert [message.to for message in mail.outbox][-1] == [ada.email]
    assert "activated" in mail.outbox[-1].body


def test_the_password_alone_is_not_enough_any_more(
    enrolled: tuple[Any, Client, str], sign_in: Callable[..., Client]
) -> None:
    ada, _client, _secret = enrolled

    client = sign_in(ada)

    assert client.get("/settings/profile/").status_code == 302
    assert client.get("/accounts/2fa/authenticate/").status_code == 200


def test_a_code_signs_in_once(
    enrolled: tuple[Any, Client, str],
    sign_in: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, _client, secret = enrolled
    # The code that switched TOTP on is used up; a minute later there is another.
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    code = code_of(secret)

    first = sign_in(ada)
    first.post("/accounts/2fa/authenticate/", {"code": code})
    second = sign_in(ada)
    second.post("/accounts/2fa/authenticate/", {"code": code})

    assert first.get("/settings/profile/").status_code == 200
    assert second.get("/settings/profile/").status_code == 302


def test_a_recovery_code_signs_in_once_and_is_not_readable_at_rest(
    enrolled: tuple[Any, Client, str], sign_in: Callable[..., Client]
) -> None:
    ada, client, _secret = enrolled
    client.post("/accounts/2fa/recovery-codes/generate/")
    row = Authenticator.objects.get(user=ada, type="recovery_codes")
    page = client.get("/accounts/2fa/recovery-codes/")
    codes = page.context["unused_codes"]

    first = sign_in(ada)
    first.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    second = sign_in(ada)
    second.post("/accounts/2fa/authenticate/", {"code": codes[0]})

    assert len(codes) == 10
    assert not any(code in str(row.data) for code in codes)
    assert first.get("/settings/profile/").status_code == 200
    assert second.get("/settings/profile/").status_code == 302


def test_the_seed_that_was_scanned_is_there_after_another_look_at_the_page(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    path = "/accounts/2fa/totp/activate/"
    ada = member("ada")
    client = sign_in(ada)
    scanned = client.get(path).context["form"].secret
    client.post("/language/", {"language": "zh-hans", "next": path})
    wrong = client.post(path, {"code": "000000"})

    again = client.get(path).context["form"].secret
    done = client.post(path, {"code": code_of(scanned)})
    elsewhere = sign_in(member("ben")).get(path).context["form"].secret

    assert wrong.status_code == 200
    assert again == scanned != elsewhere
    assert done.status_code == 302
    assert "mfa.totp.secret" not in client.session
    assert Authenticator.objects.filter(user=ada, type="totp").exists()


CODES = "/accounts/2fa/recovery-codes/"


def test_recovery_codes_are_found_again_for_some_minutes(
    enrolled: tuple[Any, Client, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _ada, client, _secret = enrolled
    codes = client.get(CODES).context["unused_codes"]

    # A reload, another language, the way back.
    client.post("/language/", {"language": "zh-hans", "next": CODES})
    again = client.get(CODES)
    later = time.time() + 60 * (shown_once.MINUTES + 1)
    monkeypatch.setattr("edge.shown_once.time.time", lambda: later)
    client.post("/accounts/reauthenticate/", {"password": "correct horse"})
    gone = client.get(CODES)

    assert len(codes) == len(set(codes)) == 10
    assert all(code in again.text for code in codes)
    assert gone.status_code == 200
    assert not any(code in gone.text for code in codes)


def test_recovery_codes_are_found_again_in_one_session_and_unreadable_there(
    enrolled: tuple[Any, Client, str],
) -> None:
    ada, client, _secret = enrolled
    codes = client.get(CODES).context["unused_codes"]
    elsewhere = Client()
    elsewhere.force_login(ada)
    record_sign_in(elsewhere, ada)

    page = elsewhere.get(CODES)

    assert page.status_code == 200
    assert not any(code in page.text for code in codes)
    assert not any(code in str(dict(client.session)) for code in codes)


def test_codes_made_since_are_not_taken_for_the_old_ones(
    enrolled: tuple[Any, Client, str],
) -> None:
    ada, client, _secret = enrolled
    old = client.get(CODES).context["unused_codes"]
    elsewhere = Client()
    elsewhere.force_login(ada)
    record_sign_in(elsewhere, ada)
    elsewhere.post(f"{CODES}generate/")
    new = elsewhere.get(CODES).context["unused_codes"]

    page = client.get(CODES)

    assert set(old).isdisjoint(new)
    assert not any(code in page.text for code in [*old, *new])


def test_a_password_reset_does_not_pass_the_second_factor(
    enrolled: tuple[Any, Client, str],
) -> None:
    ada, _client, _secret = enrolled
    import re

    mail.outbox.clear()
    client = Client()
    client.post("/accounts/password/reset/", {"email": ada.email})
    found = re.search(r"https?://testserver(/\S+)", str(mail.outbox[0].body))
    assert found
    inner = client.get(found[1], follow=True).redirect_chain[-1][0]
    words = {"password1": "another long phrase", "password2": "another long phrase"}

    client.post(inner, words)
    client.post(
        "/accounts/login/", {"login": ada.email, "password": "another long phrase"}
    )

    assert client.get("/settings/profile/").status_code == 302
