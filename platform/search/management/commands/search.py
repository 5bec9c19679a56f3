from collections.abc import Iterable
from functools import partial
from typing import Any

from django.core.management.base import CommandParser
from rich.progress import track

from core.commands import ProductCommand
from search.registry import Rebuilder, rebuilders
from search.services import Entry, rebuild


class Command(ProductCommand):
    """Builds the search index again from what it points at."""

    help = "Rebuild the search index. Example: manage.py search reindex --kind topic"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["reindex"])
        parser.add_argument("--kind", choices=sorted(rebuilders()), action="append")

    def handle(self, *args: Any, **options: Any) -> None:
        for kind in options["kind"] or sorted(rebuilders()):
            entries = rebuilders()[kind]
            count = rebuild(kind, partial(self._watched, kind, entries))
            self.stdout.write(f"{kind}: {count} entries")

    def _watched(self, kind: str, entries: Rebuilder) -> Iterable[Entry]:
        return track(entries(), kind, disable=not self.stdout.isatty())
