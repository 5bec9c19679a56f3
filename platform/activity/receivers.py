"""Signing up, in or out tells whose browser it is."""

from typing import Any

from allauth.account.signals import user_signed_up
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from activity import services


@receiver(user_signed_up)
@receiver(user_logged_in)
def link_browser(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Link the browser that signs up or in, if it is known."""
    visitor_id = getattr(request, "visitor_id", "")
    if visitor_id and not services.link_visitor(visitor_id, user):
        forget_browser(request)


@receiver(user_logged_out)
def forget_browser(request: HttpRequest | None, **_: Any) -> None:
    """Forget the visitor: the next person at this browser is another one."""
    if request is not None:
        request.visitor_id = ""  # type: ignore[attr-defined]
