"""Which addresses can set a session: every URL of the product is asked for one.

A browser that knows a person's password tries all of them, in every way a form might
be called. Only the sign-in of allauth may let it in, and nothing lets it in without
the code of somebody who has a second factor.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import mail
from django.db import transaction
from django.test import Client

from accounts.services import create_user
from core.crypto import encrypt
from stores.redis import client as redis
from stores.redis import prefixed
from tests.accounts.test_roles import FORM, routes
from tests.accounts.world import PASSWORD, SEED, World, build
from tests.fakes.authenticator import code_of

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
# The doors of the one flow. Each is tried by itself below, or in test_single_sign_on.
WITH_PASSWORD = {"accounts/login/"}
SIGNED_IN = re.compile(r"\b(?:perform_login|login_user|force_login|auth_login)\b")


@pytest.fixture
def world(db: None, settings: Any) -> World:
    settings.ROOT_URLCONF = "tests.accounts.all_providers"
    settings.SOCIALACCOUNT_PROVIDERS = {}
    return build()


def forms(user: Any, code: str) -> Iterator[dict[str, str]]:
    """Yield what a form that asks who somebody is might want to be sent."""
    yield {
        "login": user.email,
        "email": user.email,
        "username": user.email,
        "user": user.email,
        "password": PASSWORD,
        "password1": PASSWORD,
        "oldpassword": PASSWORD,
        "code": code,
        "otp": code,
        "token": code,
        "action": "login",
        "this_is_the_login_form": "1",
        "next": "/staff/",
    }


def sessions_from(world: World, browser: Any, user: Any, code: str) -> set[str]:
    """Return the routes that signed a browser in; each try is undone."""
    found = set()
    for route in sorted(set(routes())):
        address = world.address(route)
        for form in forms(user, code):
            for method in ("get", "post"):
                client = browser()
                with transaction.atomic():
                    getattr(client, method)(
                        address,
                        form,
                        headers={"authorization": f"Bearer {PASSWORD}"},
                    )
                    # To ask for a session that is not there would make one.
                    if (
                        settings.SESSION_COOKIE_NAME in client.cookies
                        and "_auth_user_id" in client.session
                    ):
                        found.add(route)
                    transaction.set_rollback(True)
    return found


@pytest.mark.timeout(600)
def test_a_password_opens_one_door(world: World) -> None:
    member = world.people["member"]

    assert sessions_from(world, world.browser, member, "000000") == WITH_PASSWORD


@pytest.mark.timeout(600)
def test_no_door_opens_without_the_code(world: World) -> None:
    staff = world.people["staff"]

    def halfway() -> Client:
        """Return a browser that has given the password and owes the code."""
        browser = world.browser()
        session = browser.session
        session.update(pending)
        session.save()
        return browser

    first = Client()
    answer = first.post(
        "/accounts/login/", {"login": staff.email, "password": PASSWORD}
    )
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    pending = dict(first.session.items())
    assert "account_login" in pending
    wrong = f"{(int(code_of(SEED)) + 500_000) % 1_000_000:06}"

    assert sessions_from(world, halfway, staff, wrong) == set()
    for key in redis().scan_iter(prefixed("limit:guess:*")):
        redis().delete(key)
    right = halfway()
    right.post("/accounts/2fa/authenticate/", {"code": code_of(SEED)})
    assert right.get("/staff/operations/").status_code == 200


def test_the_old_second_door_is_gone(world: World) -> None:
    staff = world.people["staff"]
    client = Client()

    posted = client.post(
        "/admin/login/?next=/admin/", {"username": staff.email, "password": PASSWORD}
    )
    led = client.get("/admin/", follow=True)

    assert posted.status_code == 404
    assert led.redirect_chain[-1][0].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_an_unconfirmed_address_opens_nothing() -> None:
    root = create_user("root@example.test", "root", PASSWORD, is_staff=True)
    EmailAddress.objects.create(user=root, email=root.email, primary=True)
    client = Client()

    answer = client.post(
        "/accounts/login/", {"login": root.email, "password": PASSWORD}
    )

    assert answer["Location"] == "/accounts/confirm-email/"
    assert "_auth_user_id" not in client.session


def test_confirming_an_address_stops_at_the_second_factor() -> None:
    root = create_user("root@example.test", "root", PASSWORD)
    EmailAddress.objects.create(user=root, email=root.email, primary=True)
    Authenticator.objects.create(user=root, type="totp", data={"secret": encrypt(SEED)})
    client = Client()
    client.post("/accounts/login/", {"login": root.email, "password": PASSWORD})
    found = re.search(r"http://testserver(/\S+confirm\S+)", str(mail.outbox[0].body))
    assert found

    answer = client.post(found[1])

    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session


def test_a_link_to_confirm_opened_elsewhere_signs_nobody_in() -> None:
    Client().post(
        "/accounts/signup/",
        {
            "email": "ada@new.test",
            "username": "ada",
            "password1": "correct horse battery",
        },
    )
    found = re.search(r"http://testserver(/\S+confirm\S+)", str(mail.outbox[0].body))
    assert found
    elsewhere = Client()

    elsewhere.post(found[1])

    assert "_auth_user_id" not in elsewhere.session


def test_no_code_of_ours_signs_anybody_in() -> None:
    """Sessions are allauth's to make: a second way would be a second door."""
    found = [
        str(path.relative_to(ROOT))
        for source in ("platform", "community", "inference", "billing")
        for path in (ROOT / source).rglob("*.py")
        if SIGNED_IN.search(path.read_text())
        or re.search(
            r"contrib\.auth import [^\n]*\blogin\b|session\[.?_auth_user",
            path.read_text(),
        )
    ]

    assert found == []


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/github/login/",
        "/accounts/github/login/callback/",
        "/accounts/oidc/oidc/login/",
        "/accounts/oidc/oidc/login/callback/",
        "/accounts/3rdparty/",
        "/accounts/3rdparty/signup/",
        "/accounts/3rdparty/login/error/",
        "/accounts/social/login/error/",
        "/accounts/login/code/",
        "/accounts/login/code/confirm/",
        "/accounts/signup/passkey/",
        "/accounts/2fa/webauthn/signup/",
        "/accounts/2fa/trust/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_set_up_is_not_there(method: str, path: str, settings: Any) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {}

    answer = Client().generic(method, path, content_type=FORM)

    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_provider_that_lost_its_settings_is_a_page_and_no_error(
    method: str, world: World
) -> None:
    """Routes are read once; the settings of a provider may be gone all the same."""
    browser = Client(raise_request_exception=False)
    for route in set(routes()):
        if route.startswith(("accounts/github", "accounts/oidc")):
            answer = getattr(browser, method)(world.address(route))
            assert answer.status_code in {200, 404, 405}, route
