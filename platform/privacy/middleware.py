"""A closed account is led to the page that says so, until it is taken back."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from accounts.typed import texts_typed
from accounts.wall import Wall
from privacy.exceptions import AccountClosing

# Taking it back, taking one's data along, proving who one is, leaving; and what shows
# nobody anything.
_OPEN = frozenset(
    {
        "account_logout",
        "account_reauthenticate",
        "accounts:send-again",
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


class ClosingWall(Wall):
    """Leads people whose account is closed to the page where they take that back.

    It costs no query: ``closes_at`` came with the person.
    """

    error = AccountClosing
    page = "privacy:account-close"

    def stops(self, user: User, view_name: str) -> bool:
        return user.closes_at is not None and view_name not in _OPEN

    def show(self, request: HttpRequest, *, status: int) -> HttpResponse:
        return closing_page(request, status=status)


def closing_page(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """Say until when it can be taken back; give back what was typed into a form."""
    context = {"sent": texts_typed(request.POST)}
    return render(request, "privacy/account_closing.html", context, status=status)
