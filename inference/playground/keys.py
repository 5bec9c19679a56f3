"""The short-lived key that a person's playground calls with."""

from datetime import timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from accounts.models import Organisation, User
from core.crypto import decrypt, encrypt
from inference.keys.models import ApiKey
from inference.keys.services import create_playground_key

SESSION_KEY = "playground_keys"
# A key this close to its end would fail in the middle of a long conversation.
_MARGIN = timedelta(minutes=30)


def secret_for(session: SessionBase, organisation: Organisation, *, user: User) -> str:
    """Return the session's key for an organisation; make one if needed.

    It is kept encrypted, so that a copy of the sessions opens nothing, and never
    leaves the server.
    """
    kept: dict[str, Any] = session.get(SESSION_KEY, {})
    held = kept.get(str(organisation.pk))
    if held is not None:
        key = ApiKey.objects.usable().filter(pk=held["key"], created_by=user).first()
        if key and key.expires_at and key.expires_at > timezone.now() + _MARGIN:
            try:
                return decrypt(held["secret"])
            except InvalidToken:
                # FIELD_KEYS changed; a new key costs nothing.
                pass
    key, secret = create_playground_key(organisation, by=user)
    session[SESSION_KEY] = {
        **kept,
        str(organisation.pk): {"key": key.pk, "secret": encrypt(secret)},
    }
    return secret
