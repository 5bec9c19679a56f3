"""Signing up tells by whose link a person came."""

from typing import Any

from allauth.account.signals import user_signed_up
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from billing.referrals import services
from billing.referrals.visiting import visit_of


@receiver(user_signed_up)
def record_referral(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Note the link this browser keeps, if it keeps one."""
    visit = visit_of(request) if request is not None else None
    if visit is not None:
        services.record_referral(user, visit)
