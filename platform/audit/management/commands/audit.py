from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.models import Record
from audit.services import broken_records


class Command(BaseCommand):
    """Says whether the audit log is whole."""

    help = "Check the chain of audit records. Example: manage.py audit verify"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify"])

    def handle(self, *args: Any, **options: Any) -> None:
        broken = [str(entry.pk) for entry in broken_records()]
        if broken:
            raise CommandError(
                f"The chain breaks at {', '.join(broken)}: these records, or ones "
                "before them, were changed or removed outside the product."
            )
        last = Record.objects.order_by("-pk").first()
        head = last.digest if last else "none"
        self.stdout.write(f"{Record.objects.count()} records, whole. Head: {head}")
