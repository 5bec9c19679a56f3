from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import CommandError

from core.commands import ProductCommand
from operations.services import reencrypt_secrets


class Command(ProductCommand):
    """Encrypts every kept secret with the newest key."""

    help = (
        "Encrypt all kept secrets with the first of FIELD_KEYS; then the others can "
        "go. Example: FIELD_KEYS=new,old manage.py rotate_field_keys"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = reencrypt_secrets()
        except InvalidToken as error:
            raise CommandError(
                "A secret was encrypted with a key that is not in FIELD_KEYS: add the "
                "old key behind the new one and run this again."
            ) from error
        for what, count in counts.items():
            self.stdout.write(f"{count} {what} encrypted with the newest key.")
