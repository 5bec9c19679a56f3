"""The page a visitor wanted when a sign-up came in between.

A wish is an address of ours. It travels from page to page as ``next``. Signing up
ends in a mailbox, perhaps on another device, so there the person keeps it; paying
leads over Stripe's page, so there the session does.
"""

from urllib.parse import quote, urlsplit

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.urls import is_valid_path
from django.utils.http import url_has_allowed_host_and_scheme

from core.reading import UnreadableValue, Values

FIELD = "next"
# What reading a form may end in: another character set, too much, cut off, no form.
UNREADABLE_FORMS = (
    BadRequest,
    SuspiciousOperation,
    MultiPartParserError,
    UnreadablePostError,
)
# What browsers and proxies surely carry of an address; longer is no page of ours.
MAX_LENGTH = 2000
_SESSION_KEY = "wish"
# Never the wish: these pages lead to one.
_DETOURS = ("/accounts/login/", "/accounts/signup/", "/accounts/logout/")


def wish_of(request: HttpRequest) -> str:
    """Return the wish a request brings along; empty when it has none of ours."""
    try:
        asked = Values(request.POST).text(FIELD, most=MAX_LENGTH)
        asked = asked or Values(request.GET).text(FIELD, most=MAX_LENGTH)
    except (UnreadableValue, *UNREADABLE_FORMS):
        # Every page asks, those that say what could not be read among them.
        return ""
    return asked if _is_ours(asked) else ""


def wish_from(request: HttpRequest) -> str:
    """Return what the reader of a page wants when they turn to signing in.

    That is the page itself; on a page of the way in it is what that way leads to.
    The home page is where people begin, and a POST cannot be opened again.
    """
    if request.path.startswith("/accounts/"):
        return wish_of(request)
    if request.path == "/" or request.method not in {"GET", "HEAD"}:
        return ""
    here = request.get_full_path()
    return here if _is_ours(here) else ""


def with_wish(url: str, wish: str) -> str:
    """Return ``url`` with a wish to carry along."""
    if not wish:
        return url
    address, hash_sign, fragment = url.partition("#")
    separator = "&" if "?" in address else "?"
    return f"{address}{separator}{FIELD}={quote(wish)}{hash_sign}{fragment}"


def keep_for_return(request: HttpRequest, wish: str) -> None:
    """Keep a wish, or none, during a visit to a page that is not ours."""
    if wish:
        request.session[_SESSION_KEY] = wish
    else:
        request.session.pop(_SESSION_KEY, None)


def kept_for_return(request: HttpRequest) -> str:
    """Return the wish that was kept; it stays, since a page may be loaded again."""
    wish = str(request.session.get(_SESSION_KEY, ""))
    return wish if _is_ours(wish) else ""


def _is_ours(wish: str) -> bool:
    return (
        0 < len(wish) <= MAX_LENGTH
        and wish.startswith("/")
        and url_has_allowed_host_and_scheme(wish, allowed_hosts=None)
        and not wish.startswith(_DETOURS)
        and bool(is_valid_path(urlsplit(wish).path))
    )
