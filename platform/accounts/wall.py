"""Walls: what answers in every view's place where a person has something to do first.

And the one around who has to set up a second factor: what stays open, what they see.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.models import User
from accounts.second_factor import has_second_factor, is_overdue, second_factor_due_at
from accounts.typed import texts_typed
from core.errors import DomainError
from edge.rest import PREFIX, refusal

# One's own account, which is where a second factor is set up; signing out; and what
# shows nobody anything: looks, language, scripts, files, an end to mails; and
# one's own drafts, so that nothing typed is lost on the way.
_OPEN = frozenset(
    {
        "accounts:second-factor",
        "accounts:send-again",
        "accounts:session-end",
        "accounts:session-list",
        "accounts:set-language",
        "design:favicon",
        "design:robots",
        "design:set-theme",
        "design:stylesheet",
        "drafts:discard",
        "drafts:save",
        "healthz",
        "javascript-catalog",
        "notifications:unsubscribe",
        "readyz",
    }
)
_ALLAUTH = ("account_", "mfa_", "socialaccount_")


class Wall(ABC):
    """Middleware that lets some people reach some views only.

    Pages lead to the one where they can do what is missing. A form that was sent is
    answered there and then, with what was typed in it; programs are told by a code. A
    class, because only Django's ``process_view`` knows which view was asked for.
    """

    sync_capable = True
    async_capable = False

    # What programs are told, and the name of the page that people are led to.
    error: ClassVar[type[DomainError]]
    page: ClassVar[str]

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    @abstractmethod
    def stops(self, user: User, view_name: str) -> bool:
        """Tell whether a person must not reach a view; asked before every one."""

    @abstractmethod
    def show(self, request: HttpRequest, *, status: int) -> HttpResponse:
        """Return the page, with what was typed into a form that was sent."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer where the view must not be reached."""
        match = request.resolver_match
        if (
            match is None
            or not isinstance(request.user, User)
            or not self.stops(request.user, match.view_name)
        ):
            return None
        if request.path.startswith(PREFIX):
            error = self.error()
            return refusal(error.code, str(error), status=error.status)
        if request.method not in {"GET", "HEAD"}:
            return self.show(request, status=self.error.status)
        if request.headers.get("HX-Request"):
            # A piece of a page that stays as it is: leading it away leads the page.
            return HttpResponse(status=204)
        return redirect(self.page)


def is_open_without_second_factor(view_name: str) -> bool:
    """Tell whether a named address is reached without the second factor."""
    return view_name in _OPEN or view_name.startswith(_ALLAUTH)


def second_factor_page(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """Say what is missing, and give back what was typed into a form that was sent."""
    user = cast(User, request.user)
    context = {
        "due_at": second_factor_due_at(user),
        "is_overdue": is_overdue(user),
        "has_factor": has_second_factor(user),
        "sent": texts_typed(request.POST),
    }
    return render(request, "accounts/second_factor.html", context, status=status)
