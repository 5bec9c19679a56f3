"""The form of a key: ``ds_live_``, 43 random characters, 6 of checksum.

The checksum lets junk be refused, and leaked keys be recognised, without asking
any database.
"""

import secrets
import zlib

from core.crypto import keyed_digest

PREFIX = "ds_live_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# 62 letters: 256 bits.
_RANDOM = 43
# A CRC of 32 bits in 62 letters; a typing error is told without a look-up.
_CHECK = 6
LENGTH = len(PREFIX) + _RANDOM + _CHECK


def new_secret() -> str:
    """Return a new key with 256 random bits."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return f"{PREFIX}{body}{_checksum(body)}"


def is_well_formed(secret: str) -> bool:
    """Tell whether ``secret`` can be a key at all."""
    if len(secret) != LENGTH or not secret.startswith(PREFIX) or not secret.isascii():
        return False
    body = secret[len(PREFIX) : -_CHECK]
    return secret[-_CHECK:] == _checksum(body)


def digest(secret: str) -> str:
    """Return what is stored and looked up instead of the key."""
    return keyed_digest(secret, purpose="api-key")


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    text = ""
    for _ in range(_CHECK):
        number, rest = divmod(number, 62)
        text = _ALPHABET[rest] + text
    return text
