"""The routes of allauth that this product offers, and what each may be asked.

Listed one by one: mounted whole, the library would bring doors to rooms that are not
there (sign-in by code, providers nobody has set up) and every door of its next
release. What is here and takes a form has a limit; ``tests/accounts`` tries them all.
"""

import re
from collections.abc import Collection
from functools import wraps
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.github import views as github
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, re_path

from accounts.limits import (
    DAY,
    MINUTE,
    Rate,
    View,
    count_code,
    count_mail,
    limited,
    person,
)
from accounts.providers import with_provider
from accounts.recovery_codes import RecoveryCodesView
from core import documents
from core.documents import BadDocument
from core.reading import Values
from edge.callers import place_of

# An attestation with its certificates has some thousand characters.
MOST_SAID = 20_000
_LONG_NUMBER = re.compile(r"[0-9]{400}")
# Per address: an office behind one of them signs in on a Monday morning.
OFTEN = Rate(30, MINUTE, place_of)
# Each of these spends a mail, a hash or a call at a provider.
SELDOM = Rate(20, MINUTE, place_of)
# Fifty newcomers of one address are a class; more of them are a machine.
NEWCOMERS = Rate(100, DAY, place_of)
# One person's own settings: nobody changes them faster by hand.
OWN = Rate(10, MINUTE, person)


def email(request: HttpRequest) -> HttpResponseBase:
    """My addresses; each confirmation that is asked for is a mail, and counted."""
    sent = Values(request.POST)
    if sent.has("action_send"):
        # 64 and 255 characters (RFC 3696); the form refuses what its column does not.
        count_mail(sent.text("email", most=320), request)
    answer: HttpResponseBase = account.email(request)
    return answer


def measured(view: View) -> View:
    """Return ``view``, asked only when what a passkey says is JSON of a sane shape.

    Its form parses all that was sent: numbers of 5 000 digits and 20 000 brackets
    end in exceptions of their own. Raises ``BadDocument``, which is 400.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        said = Values(request.POST).text("credential", most=MOST_SAID)
        if _LONG_NUMBER.search(said):
            raise BadDocument
        if said:
            documents.read(said.encode("utf-8", "replace"))
        return view(request, *args, **kwargs)

    return wrapped


def route(
    pattern: str, view: View, name: str, *rates: Rate, reads: bool = False
) -> URLPattern:
    """Return one offered route; a pattern that begins with ``^`` is a regex."""
    make: Any = re_path if pattern.startswith("^") else path
    answering = limited(name, measured(view), *rates, reads=reads)
    pattern_of: URLPattern = make(pattern, answering, name=name)
    return pattern_of


ACCOUNT = [
    route("login/", account.login, "account_login", OFTEN),
    route("logout/", account.logout, "account_logout"),
    route("inactive/", account.account_inactive, "account_inactive"),
    route("signup/", account.signup, "account_signup", SELDOM, NEWCOMERS),
    route("reauthenticate/", account.reauthenticate, "account_reauthenticate", OWN),
    route("email/", email, "account_email", OWN),
    route(
        "confirm-email/",
        account.email_verification_sent,
        "account_email_verification_sent",
    ),
    route(
        r"^confirm-email/(?P<key>[-:\w]+)/$",
        account.confirm_email,
        "account_confirm_email",
        OFTEN,
    ),
    route("password/change/", account.password_change, "account_change_password", OWN),
    route("password/set/", account.password_set, "account_set_password", OWN),
    route("password/reset/", account.password_reset, "account_reset_password", SELDOM),
    route(
        "password/reset/done/",
        account.password_reset_done,
        "account_reset_password_done",
    ),
    route(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        "account_reset_password_from_key_done",
    ),
    route(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        "account_reset_password_from_key",
        SELDOM,
    ),
]
SECOND_FACTOR = [
    route("2fa/", mfa.index, "mfa_index"),
    route("2fa/authenticate/", count_code(mfa.authenticate), "mfa_authenticate", OFTEN),
    route(
        "2fa/reauthenticate/", count_code(mfa.reauthenticate), "mfa_reauthenticate", OWN
    ),
    route("2fa/totp/activate/", totp.activate_totp, "mfa_activate_totp", OWN),
    route("2fa/totp/deactivate/", totp.deactivate_totp, "mfa_deactivate_totp", OWN),
    route(
        "2fa/recovery-codes/",
        RecoveryCodesView.as_view(),
        "mfa_view_recovery_codes",
    ),
    route(
        "2fa/recovery-codes/generate/",
        recovery_codes.generate_recovery_codes,
        "mfa_generate_recovery_codes",
        OWN,
    ),
    route(
        "2fa/recovery-codes/download/",
        recovery_codes.download_recovery_codes,
        "mfa_download_recovery_codes",
    ),
    route("2fa/webauthn/", webauthn.list_webauthn, "mfa_list_webauthn"),
    route("2fa/webauthn/add/", webauthn.add_webauthn, "mfa_add_webauthn", OWN),
    route(
        "2fa/webauthn/reauthenticate/",
        webauthn.reauthenticate_webauthn,
        "mfa_reauthenticate_webauthn",
        OWN,
    ),
    route(
        "2fa/webauthn/keys/<int:pk>/remove/",
        webauthn.remove_webauthn,
        "mfa_remove_webauthn",
        OWN,
    ),
    route(
        "2fa/webauthn/keys/<int:pk>/edit/",
        webauthn.edit_webauthn,
        "mfa_edit_webauthn",
        OWN,
    ),
    route("2fa/webauthn/login/", webauthn.login_webauthn, "mfa_login_webauthn", OFTEN),
]
CONNECTED = [
    route("3rdparty/", social.connections, "socialaccount_connections", OWN),
    route(
        "3rdparty/login/cancelled/",
        social.login_cancelled,
        "socialaccount_login_cancelled",
    ),
    route("3rdparty/login/error/", social.login_error, "socialaccount_login_error"),
    route("3rdparty/signup/", social.signup, "socialaccount_signup", SELDOM, NEWCOMERS),
]
PROVIDERS = {
    "github": [
        route(
            "github/login/", with_provider(github.oauth2_login), "github_login", OFTEN
        ),
        route(
            "github/login/callback/",
            with_provider(github.oauth2_callback),
            "github_callback",
            SELDOM,
            reads=True,
        ),
    ],
    "openid_connect": [
        route(
            "oidc/<str:provider_id>/login/",
            with_provider(oidc.login),
            "openid_connect_login",
            OFTEN,
        ),
        route(
            "oidc/<str:provider_id>/login/callback/",
            with_provider(oidc.callback),
            "openid_connect_callback",
            SELDOM,
            reads=True,
        ),
    ],
}


def routes(providers: Collection[str]) -> list[URLPattern]:
    """Return what is offered where ``providers`` are set up."""
    offered = [*ACCOUNT, *SECOND_FACTOR]
    if providers:
        offered += CONNECTED
    for name in providers:
        offered += PROVIDERS[name]
    return offered


urlpatterns = routes(settings.SOCIALACCOUNT_PROVIDERS)
