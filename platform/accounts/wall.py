"""What stays open to a user who has to set up a second factor, and what they see."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from accounts.second_factor import has_second_factor, is_overdue, second_factor_due_at

# One's own account, which is where a second factor is set up; signing out; and what
# shows nobody anything: looks, language, scripts, files, an end to mails; and
# one's own drafts, so that nothing typed is lost on the way.
_OPEN = frozenset(
    {
        "accounts:second-factor",
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
# Never shown again, not even to their author.
_SECRET = ("csrf", "password", "secret", "token", "code")


def is_open_without_second_factor(view_name: str) -> bool:
    """Tell whether a named address is reached without the second factor."""
    return view_name in _OPEN or view_name.startswith(_ALLAUTH)


def second_factor_page(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """Say what is missing, and give back what was typed into a form that was sent."""
    user = cast(User, request.user)
    sent = [
        (name, text)
        for name, texts in request.POST.lists()
        for text in texts
        if text.strip() and not any(word in name.lower() for word in _SECRET)
    ]
    context = {
        "due_at": second_factor_due_at(user),
        "is_overdue": is_overdue(user),
        "has_factor": has_second_factor(user),
        "sent": sent,
    }
    return render(request, "accounts/second_factor.html", context, status=status)
