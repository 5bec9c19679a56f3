"""Public ids: a prefix that names the kind, then 22 characters no one guesses."""

import secrets

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_public_id(prefix: str) -> str:
    """Return an id such as ``org_4fQ…`` with 131 random bits."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(22))
