"""Passkeys under the real content security policy, with a virtual authenticator."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from playwright.sync_api import BrowserContext, expect

from tests.browser.helpers import axe_violations, collect_console_and_csp

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_passkey_is_added_and_signs_in(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada = person("ada")
    EmailAddress.objects.update_or_create(
        user=ada, email=ada.email, defaults={"verified": True, "primary": True}
    )
    context = open_context()
    page = context.new_page()
    complaints = collect_console_and_csp(page)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )

    page.goto("/accounts/login/?next=/accounts/2fa/webauthn/add/")
    page.get_by_label("Email").fill(ada.email)
    page.get_by_label("Password", exact=True).fill("correct horse")
    page.get_by_role("button", name="Sign in", exact=True).click()
    # They have just signed in, so nothing asks for the password once more.
    page.get_by_label("Name").fill("Laptop")
    passwordless = page.get_by_label("Passwordless")
    if not passwordless.is_checked():
        passwordless.check()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery Codes")).to_be_visible()

    assert Authenticator.objects.filter(user=ada, type="webauthn").count() == 1
    # Nothing under way may bring a cookie of the old page back.
    page.goto("about:blank")
    context.clear_cookies()
    page.goto("/accounts/login/?next=/styleguide/")
    page.get_by_role("button", name="Sign in with a passkey").click()

    page.wait_for_url("**/styleguide/")
    expect(page.locator("summary[aria-label='Your menu']")).to_be_visible()
    assert complaints.lines == []
