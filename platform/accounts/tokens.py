"""Personal access tokens: made once, shown once, kept as a digest."""

import secrets

from django.db import transaction
from django.utils import timezone

from accounts.models import PersonalAccessToken, User
from contracts.accounts import AccessTokenCreated, AccessTokenRevoked
from core.crypto import keyed_digest
from outbox import publish

PREFIX = "dsp_"


@transaction.atomic
def create_token(
    user: User, *, name: str, scopes: list[str]
) -> tuple[PersonalAccessToken, str]:
    """Make a token and return it with its secret, which is never seen again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = PersonalAccessToken.objects.create(
        user=user,
        name=name,
        prefix=secret[:12],
        digest=digest(secret),
        scopes=scopes,
    )
    publish(AccessTokenCreated(token_id=token.pk, user_id=user.pk))
    return token, secret


@transaction.atomic
def revoke_token(token: PersonalAccessToken) -> None:
    """Take a token out of use."""
    claimed = PersonalAccessToken.objects.filter(pk=token.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    if claimed:
        publish(AccessTokenRevoked(token_id=token.pk, user_id=token.user_id))


def find_token(secret: str) -> PersonalAccessToken | None:
    """Return the usable token a secret belongs to."""
    if not secret.startswith(PREFIX):
        return None
    token = (
        PersonalAccessToken.objects.select_related("user")
        .filter(digest=digest(secret), revoked_at=None, user__is_active=True)
        .first()
    )
    if token is None or (token.expires_at and token.expires_at <= timezone.now()):
        return None
    today = timezone.now().date()
    if token.last_used_on != today:
        PersonalAccessToken.objects.filter(pk=token.pk).update(last_used_on=today)
    return token


def digest(secret: str) -> str:
    return keyed_digest(secret, purpose="personal-access-token")
