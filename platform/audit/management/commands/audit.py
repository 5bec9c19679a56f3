from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit.models import Record
from audit.services import broken_records, has_record, head
from core.commands import ProductCommand


class Command(ProductCommand):
    """Says whether the audit log is whole."""

    help = (
        "Check the chain of audit records; with --head also that nothing newer than a "
        "head noted earlier was cut off. Example: manage.py audit verify --head 3f9a…"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify"])
        parser.add_argument("--head", help="a digest that an earlier run printed")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = [str(entry.pk) for entry in broken_records()]
        if broken:
            raise CommandError(
                f"The chain breaks at {', '.join(broken)}: these records, or ones "
                "before them, were changed or removed outside the product."
            )
        if options["head"] and not has_record(options["head"]):
            raise CommandError(
                "No record has that head: records were cut off since it was noted."
            )
        count = Record.objects.count()
        self.stdout.write(f"{count} records, whole. Head: {head() or 'none'}")
