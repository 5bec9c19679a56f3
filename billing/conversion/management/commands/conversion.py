from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from billing.conversion.bridge import bridge
from billing.conversion.models import Developer
from billing.conversion.rebuilding import rebuild
from billing.conversion.unheard import unheard_facts
from core.commands import ProductCommand

# A screen; what differs so often differs for one reason.
SHOWN = 20
# Before the first invoice of anybody.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class Command(ProductCommand):
    """Derives conversion again from the activity log and the ledger, or checks it."""

    help = (
        "Rebuild every developer's way, or check that the figures add up to the"
        " ledger. Example: manage.py conversion rebuild"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["rebuild", "check"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "rebuild":
            self._rebuild()
        else:
            self._check()

    def _rebuild(self) -> None:
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

    def _check(self) -> None:
        found = bridge(BEGINNING, timezone.now())
        for part in found.parts:
            self.stdout.write(f"{part.label}: {part.amount}")
        self.stdout.write(f"ledger: {found.ledger}")
        missing = found.unaccounted - sum(unheard_facts().revenue.values())
        if missing:
            raise CommandError(
                f"{missing} minor units of the ledger are in no account:"
                " run manage.py conversion rebuild, which says whose."
            )
