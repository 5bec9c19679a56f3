"""What we need of allauth and it offers only inside; nothing else reaches in there.

``tools/lint/private_parts.toml`` says what to do when an upgrade moves one of these.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from allauth.account.internal.flows import login
from allauth.account.internal.stagekit import unstash_login
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.http import HttpRequest

from accounts.models import User


def sign_ins_of(request: HttpRequest, user: User) -> Sequence[Mapping[str, Any]]:
    """Return the ways this session signed ``user`` in: ``method``, ``at`` (seconds)."""
    records: Sequence[Mapping[str, Any]] = login.get_authentication_records(
        request, user
    )
    return records


def record_sign_in(request: HttpRequest, user: User, *, method: str) -> None:
    """Add a way that allauth does not record by itself, as of now."""
    login.record_authentication(request, user, method=method)


def user_signing_in(request: HttpRequest) -> User | None:
    """Return whose password was right while the second factor is still to come."""
    pending = unstash_login(request, peek=True)
    return pending.user if pending and isinstance(pending.user, User) else None


def offered_seed(request: HttpRequest) -> str:
    """Return the seed this session was shown and has not confirmed, if any."""
    return str(request.session.get(SECRET_SESSION_KEY, ""))


def offer_seed(request: HttpRequest, seed: str) -> None:
    """Have the next code checked against ``seed``."""
    request.session[SECRET_SESSION_KEY] = seed
