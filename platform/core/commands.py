"""What every command of the product does before it does anything."""

import unicodedata
from typing import Any

from django.core.management.base import BaseCommand, CommandError

# Longer than any path, address or name there is.
MAX_ARGUMENT = 1_000


class ProductCommand(BaseCommand):
    """Refuses arguments no database and no file system can bear, in one sentence."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Check every argument, then run the command. Raises ``CommandError``."""
        for name, value in options.items():
            for text in value if isinstance(value, list | tuple) else [value]:
                if isinstance(text, str):
                    _check(name, text)
        return super().execute(*args, **options)


def _check(name: str, text: str) -> None:
    label = name.replace("_", " ")
    if len(text) > MAX_ARGUMENT:
        raise CommandError(
            f"The argument “{label}” is too long: {MAX_ARGUMENT} characters at most."
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise CommandError(
            f"The argument “{label}” holds characters that cannot be written; "
            "type it anew."
        )
