"""The key a person's playground calls with, and a call on their behalf."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from core.crypto import decrypt, encrypt
from inference.keys.models import ApiKey
from inference.keys.services import create_playground_key

SESSION_KEY = "playground_keys"
TIMEOUT_SECONDS = 120
# A key this close to its end would fail in the middle of a long conversation.
_MARGIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said and used; times in milliseconds."""

    text: str
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    total_ms: int


class CallRefused(Exception):
    """The gateway said no, in its own words."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(code or str(status))
        self.status = status
        self.message = message
        self.code = code

    @property
    def needs_plan(self) -> bool:
        return self.code in {"model_requires_plan", "insufficient_quota"}


def secret_for(
    session: SessionBase, organisation: Organisation, *, user: User
) -> tuple[str, datetime]:
    """Return the session's key for an organisation and its end; make one if needed.

    It is kept encrypted, so that a copy of the sessions opens nothing.
    """
    kept: dict[str, Any] = session.get(SESSION_KEY, {})
    held = kept.get(str(organisation.pk))
    if held is not None:
        key = ApiKey.objects.usable().filter(pk=held["key"], created_by=user).first()
        if key and key.expires_at and key.expires_at > timezone.now() + _MARGIN:
            try:
                return decrypt(held["secret"]), key.expires_at
            except InvalidToken:
                # FIELD_KEYS changed; a new key costs nothing.
                pass
    key, secret = create_playground_key(organisation, by=user)
    session[SESSION_KEY] = {
        **kept,
        str(organisation.pk): {"key": key.pk, "secret": encrypt(secret)},
    }
    return secret, key.expires_at or timezone.now()


def ask(secret: str, payload: dict[str, Any]) -> Answer:
    """Call the gateway as any client does. Raises ``CallRefused``."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{settings.SITE_URL}/v1/chat/completions",
        data=json.dumps(payload).encode(),
        headers={
            "Authorization": f"Bearer {secret}",
            "Content-Type": "application/json",
        },
    )
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            body = json.load(response)
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except (OSError, ValueError) as error:
        raise CallRefused(
            502, _("The gateway could not be reached. Try again.")
        ) from error
    usage = body.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return Answer(
        text=body["choices"][0]["message"]["content"] or "",
        tokens_in=usage.get("prompt_tokens", 0),
        tokens_cached=details.get("cached_tokens") or 0,
        tokens_out=usage.get("completion_tokens", 0),
        total_ms=round((time.monotonic() - began) * 1000),
    )


def _refusal(error: urllib.error.HTTPError) -> CallRefused:
    try:
        told = json.load(error)["error"]
        return CallRefused(error.code, str(told["message"]), str(told["code"] or ""))
    except (ValueError, KeyError, TypeError):
        message = _("The gateway answered with status %(status)d.")
        return CallRefused(error.code, message % {"status": error.code})
