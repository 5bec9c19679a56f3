"""A closed account is led to the page that says so, until it is taken back."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from edge.rest import PREFIX, refusal
from privacy.exceptions import AccountClosing

# Taking it back, taking one's data along, proving who one is, leaving; and what shows
# nobody anything.
_OPEN = frozenset(
    {
        "account_logout",
        "account_reauthenticate",
        "accounts:set-language",
        "design:favicon",
        "design:robots",
        "design:set-theme",
        "design:stylesheet",
        "drafts:discard",
        "drafts:save",
        "healthz",
        "javascript-catalog",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "notifications:unsubscribe",
        "privacy:account-close",
        "privacy:account-closed",
        "privacy:account-reopen",
        "privacy:data",
        "privacy:data-download",
        "readyz",
    }
)


class ClosingWall:
    """Answers people whose account is closed in every other view's place.

    A class, because only Django's ``process_view`` knows which view was asked for. It
    costs no query: ``closes_at`` came with the person.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer where the view must not be reached."""
        match = request.resolver_match
        if (
            not isinstance(request.user, User)
            or request.user.closes_at is None
            or match is None
            or match.view_name in _OPEN
        ):
            return None
        if request.path.startswith(PREFIX):
            error = AccountClosing()
            return refusal(error.code, str(error), status=error.status)
        if request.headers.get("HX-Request"):
            # A piece of a page that stays as it is: leading it away leads the page.
            return HttpResponse(status=204)
        return redirect("privacy:account-close")
