from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from rich.progress import track

from search.models import IndexEntry
from search.registry import rebuilders
from search.services import index


class Command(BaseCommand):
    """Builds the search index again from what it points at."""

    help = "Rebuild the search index. Example: manage.py search reindex --kind topic"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["reindex"])
        parser.add_argument("--kind", choices=sorted(rebuilders()), action="append")

    def handle(self, *args: Any, **options: Any) -> None:
        for kind in options["kind"] or sorted(rebuilders()):
            with transaction.atomic():
                IndexEntry.objects.filter(kind=kind).delete()
                entries = rebuilders()[kind]()
                count = 0
                batch = []
                for entry in track(entries, kind, disable=not self.stdout.isatty()):
                    batch.append(entry)
                    if len(batch) == 500:
                        count += index(batch)
                        batch = []
                count += index(batch)
            self.stdout.write(f"{kind}: {count} entries")
