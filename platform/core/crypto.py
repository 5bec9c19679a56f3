"""Encryption of the few secrets that must be readable again, such as TOTP seeds."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


# Few keys, each for a handful of purposes.
@lru_cache(maxsize=16)
def _derive(key: str, purpose: str) -> bytes:
    return hashlib.sha256(f"doorstone:{purpose}:{key}".encode()).digest()


# One ring of keys, another one while they rotate, and room for tests.
@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(_derive(key, "field"))) for key in keys]
    )


def encrypt(text: str) -> str:
    """Return ``text`` encrypted with the newest of ``FIELD_KEYS``."""
    return _fernet(tuple(settings.FIELD_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return the text of ``token``.

    Raises ``cryptography.fernet.InvalidToken`` when no key of ``FIELD_KEYS`` fits.
    """
    return _fernet(tuple(settings.FIELD_KEYS)).decrypt(token.encode()).decode()


def keyed_digest(text: str, *, purpose: str) -> str:
    """Return a hex HMAC of ``text``, for secrets that are only ever compared."""
    key = _derive(settings.DIGEST_KEY, purpose)
    return hmac.digest(key, text.encode(), "sha256").hex()
