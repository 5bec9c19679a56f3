import hashlib
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ReauthenticationRequired
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.models import User
from accounts.preferences import time_zone_of
from accounts.resending import keep_form
from accounts.second_factor import SecondFactorRequired, is_overdue
from accounts.wall import Wall, is_open_without_second_factor, second_factor_page

# The list of sessions says “minutes ago”; a write for each page would be dear.
ACTIVITY_INTERVAL = timedelta(minutes=5)


def preferred_language(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Let a signed-in person's language win over the browser's and its cookie."""

    def middleware(request: HttpRequest) -> HttpResponse:
        locale = getattr(request.user, "locale", "")
        if locale:
            request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = locale
        return get_response(request)

    return middleware


def preferred_time_zone(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Show every time in the user's zone, else in their browser's.

    The browser names its zone in a cookie (time.js), so a first page is in UTC.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(time_zone_of(request)):
            return get_response(request)

    return middleware


def session_activity(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Note where and when a session was last used, once per some minutes.

    The page that lists them is right to within two intervals, and at once about a
    session that turns up at another address or in another browser.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if (
            request.user.is_authenticated
            and request.session.session_key
            and _is_activity_due(request)
        ):
            UserSession.objects.create_from_request(request)
        return get_response(request)

    return middleware


class ResentForms:
    """Lets a form wait while its sender types a password again.

    A page that is only read is led there by allauth's own middleware, outside this one,
    and so is a visitor, to the sign-in page.
    A class, because Django hands exceptions of views to ``process_exception``.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Keep the form, and lead to the page that asks who it is."""
        is_asked = isinstance(exception, ReauthenticationRequired)
        if not is_asked or request.method != "POST":
            return None
        ways = get_adapter().get_reauthentication_methods(request.user)
        if not ways:
            return None
        then = urlencode({"next": keep_form(request)})
        return redirect(f"{ways[0]['url']}?{then}")


class SecondFactorWall(Wall):
    """Leads users who have to set up a second factor to that page.

    Every address is behind it but those of the account itself, so that a role's power
    is nowhere: not in the forum of staff, not at a checkout of a team.
    """

    error = SecondFactorRequired
    page = "accounts:second-factor"

    def stops(self, user: User, view_name: str) -> bool:
        return not is_open_without_second_factor(view_name) and is_overdue(user)

    def show(self, request: HttpRequest, *, status: int) -> HttpResponse:
        return second_factor_page(request, status=status)


def _is_activity_due(request: HttpRequest) -> bool:
    """Tell whether this use is news.

    An absent cache grants every claim, so the table has the last word: then each
    request costs one read, but no more writes than before.
    """
    session_key = request.session.session_key
    address = get_adapter().get_client_ip(request)
    # Cut as allauth cuts it: to what the column holds.
    most = UserSession._meta.get_field("user_agent").max_length  # noqa: SLF001 - documented by Django
    browser = request.headers.get("User-Agent", "")[:most]
    where = hashlib.sha256(f"{session_key}\n{address}\n{browser}".encode()).hexdigest()
    if not cache.add(f"accounts:seen:{where}", 1, ACTIVITY_INTERVAL.total_seconds()):
        return False
    return not UserSession.objects.filter(
        session_key=session_key,
        ip=address,
        user_agent=browser,
        last_seen_at__gt=timezone.now() - ACTIVITY_INTERVAL,
    ).exists()
