from typing import Any

from django.core.management.base import CommandError, CommandParser

from community.forum.counting import differences, repair
from core.commands import ProductCommand


class Command(ProductCommand):
    """Compares the forum's counters with what they count."""

    help = "Check or mend the forum's counters. Example: manage.py counters audit"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["audit", "repair"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "repair":
            self.stdout.write(f"{repair()} counters repaired")
            return
        wrong = differences()
        for row in wrong:
            self.stdout.write(
                f"{row.table} {row.pk}: {row.column} is {row.kept},"
                f" counted {row.counted}"
            )
        if wrong:
            raise CommandError(f"{len(wrong)} counters are wrong")
        self.stdout.write("every counter is right")
