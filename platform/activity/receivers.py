"""Whose browser it is becomes known when somebody signs up, in or out."""

from typing import Any

from allauth.account.signals import user_signed_up
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from activity import services


@receiver(user_signed_up)
@receiver(user_logged_in)
def link_browser(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Link the browser that signs up or in, if it is known."""
    visitor_id = getattr(request, "visitor_id", "")
    if visitor_id:
        services.link_visitor(visitor_id, user)
