"""Referrals as small as they can be."""

from typing import Any

from django.utils import timezone

from accounts.models import User
from billing.referrals.models import Referral
from billing.referrals.services import ensure_link


def referral_of(inviter: User, invited: User, **fields: Any) -> Referral:
    """Return that one person came by the link of another."""
    values = {"visited_at": timezone.now(), **fields}
    return Referral.objects.create(link=ensure_link(inviter), invited=invited, **values)
