import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar, overload
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from accounts import services
from accounts.allauth_private import sign_ins_of
from accounts.exceptions import RecentSignInRequired
from accounts.models import Organisation, User

View = Callable[..., HttpResponseBase]
R = TypeVar("R", bound=HttpResponseBase)
# Gets the request and the arguments of the view, and returns an address.
Page = Callable[..., str]


@overload
def sign_in_required(view: Callable[..., R]) -> Callable[..., R]: ...
@overload
def sign_in_required(
    *, page: Page
) -> Callable[[Callable[..., R]], Callable[..., R]]: ...
def sign_in_required(
    view: View | None = None, *, page: Page | None = None
) -> View | Callable[[View], View]:
    """Send visitors to the sign-in page and back to where they were.

    A form sent after the session had ended leads back to ``page(request, ...)``, which
    gets the view's own arguments; without it, to the page the form was on. Its own
    address may answer nothing but a POST. What was typed is a draft by then.
    """
    if view is None:
        return partial(_requiring_sign_in, page=page or page_before)
    return _requiring_sign_in(view, page=page_before)


def _requiring_sign_in(view: View, *, page: Page) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.method in {"GET", "HEAD"}:
            return redirect_to_login(request.get_full_path())
        messages.info(
            request,
            _("Sign in to go on. Nothing was changed, and what you typed is kept."),
        )
        return redirect_to_login(page(request, *args, **kwargs))

    return wrapped


def organisation_required(view: View) -> View:
    """Resolve ``org`` (a slug) to ``request.organisation``; 404 for strangers.

    Who opens a page of an organisation of theirs works in it from then on.
    """

    @sign_in_required
    @wraps(view)
    def wrapped(
        request: HttpRequest, org: str, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        visible = Organisation.objects.visible_to(request.user)
        organisation = get_object_or_404(visible, slug=org)
        assert isinstance(request.user, User)  # noqa: S101 - has signed in
        # A part of a page asks again by itself, also in a tab that was left behind.
        if "/_" not in request.path:
            services.choose_organisation(request.user, organisation)
        request.organisation = organisation  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)

    return wrapped


def staff_required(view: View) -> View:
    """Let staff in, send strangers to the sign-in page and refuse members."""

    @sign_in_required
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapped


def recent_sign_in_required(view: View) -> View:
    """Ask for the password or second factor again before a change that matters.

    A user who has just signed in is not asked. What was typed is sent again by itself
    once they have confirmed.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            require_recent_sign_in(request)
        return view(request, *args, **kwargs)

    return wrapped


def recent_sign_in_where_due(view: View) -> View:
    """Ask again only for what a service says no to without it: more, never less."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except RecentSignInRequired as no:
            raise ReauthenticationRequired from no

    return wrapped


def require_recent_sign_in(request: HttpRequest) -> None:
    """Have a form wait until its sender has confirmed who they are, if need be."""
    if not has_signed_in_recently(request):
        raise ReauthenticationRequired


def has_signed_in_recently(request: HttpRequest) -> bool:
    """Tell whether a way in was used within the last minutes."""
    if not isinstance(request.user, User):
        return False
    if not get_adapter().get_reauthentication_methods(request.user):
        # Who only comes through a provider has nothing to confirm with here.
        return True
    ways = sign_ins_of(request, request.user)
    return bool(ways) and time.time() - ways[-1]["at"] < REAUTHENTICATION_TIMEOUT


def own_address(request: HttpRequest, *args: object, **kwargs: object) -> str:
    """Return the address asked for: the page of a form that answers a GET too."""
    return request.get_full_path()


def page_before(request: HttpRequest, *args: object, **kwargs: object) -> str:
    """Return the page of ours a request came from, else the console."""
    origin = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        origin, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not is_ours:
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    parts = urlsplit(origin)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
