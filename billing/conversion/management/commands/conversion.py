from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from billing.conversion.bridge import BEGINNING, bridge, check_bridge
from billing.conversion.models import Developer
from billing.conversion.rebuilding import rebuild
from core.commands import ProductCommand

# A screen; what differs so often differs for one reason.
SHOWN = 20


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
        for part in (*found.parts, found.ledger):
            self.stdout.write(
                f"{part.label}: {part.amount} minor units,"
                f" {part.cost_nano} nano-dollars of cost"
            )
        for each in found.foreign:
            self.stdout.write(
                f"{each.currency}: {each.net} are {each.converted} at their rates,"
                f" {each.unrated} have none yet"
            )
        checked = check_bridge()
        if not checked.is_whole:
            raise CommandError(
                f"{checked.revenue} minor units of the ledger are in no account, and"
                f" {checked.cost_nano} nano-dollars of cost:"
                " run manage.py conversion rebuild, which says whose."
            )
