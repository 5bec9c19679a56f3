from typing import Any

from django.core.management.base import CommandParser

from billing.conversion.models import Developer
from billing.conversion.rebuilding import rebuild
from core.commands import ProductCommand

SHOWN = 20


class Command(ProductCommand):
    """Derives conversion again from the activity log and the ledger."""

    help = "Rebuild every developer's way. Example: manage.py conversion rebuild"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["rebuild"])

    def handle(self, *args: Any, **options: Any) -> None:
        differences = rebuild()
        for difference in differences[:SHOWN]:
            self.stdout.write(
                f"{difference.subject}: {difference.field} was {difference.was}, "
                f"is {difference.should_be}"
            )
        if len(differences) > SHOWN:
            self.stdout.write(f"… and {len(differences) - SHOWN} more")
        self.stdout.write(
            f"{Developer.objects.count()} developers, {len(differences)} differences"
        )
