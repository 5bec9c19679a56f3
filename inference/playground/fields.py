"""Text that is kept encrypted."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.db import models

from core.crypto import decrypt, encrypt


class SealedTextField(models.TextField[str, str]):
    """Text that only the application can read; a copy of the table says nothing.

    Written with a key of ``FIELD_KEYS`` that is gone, it reads as empty: nobody can
    open it any more, and the page it stands on still can be.
    """

    def get_prep_value(self, value: Any) -> Any:
        """Return what the column holds."""
        return encrypt(value) if value else ""

    def from_db_value(self, value: str | None, *_: object) -> str:
        """Return the text."""
        try:
            return decrypt(value) if value else ""
        except InvalidToken:
            return ""
