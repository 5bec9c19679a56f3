"""Who must have a second factor, since when, and whether they still may come in.

Staff see everything; owners and billing of a team act with other people's money and
keys. A password alone is not enough for that. Who gets such a role has some days
to set a second factor up; ``users.second_factor_since`` is the moment it began.
A personal organisation is its own person's risk, so its owner may choose.
"""

from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organisation, User
from core.clock import now
from core.errors import DomainError

ROLES = (Membership.Role.OWNER, Membership.Role.BILLING)
# Recovery codes only stand in for one of these.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class SecondFactorRequired(DomainError):
    """The days to set up a second factor are over."""

    code = "second_factor_required"
    status = 403
    message = _(
        "Your role needs a second factor. Sign in on the site and set one up first."
    )


def require_second_factor(user: User) -> None:
    """Note since when a role of ``user`` needs a second factor, or that none does.

    To be called after each change of roles; calling it again changes nothing.
    """
    needs = user.is_staff or (
        Membership.objects.filter(
            user=user, role__in=ROLES, organisation__kind=Organisation.Kind.TEAM
        ).exists()
    )
    people = User.objects.filter(pk=user.pk)
    if needs:
        people.filter(second_factor_since=None).update(second_factor_since=now())
    else:
        people.exclude(second_factor_since=None).update(second_factor_since=None)
    user.refresh_from_db(fields=["second_factor_since"])


def has_second_factor(user: User) -> bool:
    """Tell whether ``user`` signs in with a code or a passkey."""
    return bool(Authenticator.objects.filter(user=user, type__in=FACTORS).exists())


def second_factor_due_at(user: User) -> datetime | None:
    """Return when the days of grace of ``user`` end; ``None`` if no role needs it."""
    if not settings.SECOND_FACTOR_REQUIRED:
        return None
    if user.is_staff and user.second_factor_since is None:
        # Made staff by hand, past every service: the days begin now.
        require_second_factor(user)
    if user.second_factor_since is None:
        return None
    return user.second_factor_since + timedelta(days=settings.SECOND_FACTOR_GRACE_DAYS)


def is_overdue(user: User) -> bool:
    """Tell whether ``user`` has to set a second factor up before anything else."""
    due_at = second_factor_due_at(user)
    return due_at is not None and due_at <= now() and not has_second_factor(user)
