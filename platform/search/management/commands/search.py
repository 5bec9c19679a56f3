import math
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.progress import Progress, track

from core.commands import ProductCommand
from search import indexing
from search.registry import Rebuilder, rebuilders
from search.services import Findable, rebuild


class Command(ProductCommand):
    """Builds the search index again from what it points at."""

    help = (
        "Rebuild the search index, or have what waits embedded. Examples: "
        "manage.py search reindex --kind topic; manage.py search embed"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["reindex", "embed"])
        parser.add_argument("--kind", choices=sorted(rebuilders()), action="append")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "embed":
            self._embed()
            return
        for kind in options["kind"] or sorted(rebuilders()):
            entries = rebuilders()[kind]
            count = rebuild(kind, partial(self._watched, kind, entries))
            self.stdout.write(f"{kind}: {count} entries")

    def _embed(self) -> None:
        """Embed all that waits; what is done stays done when it is stopped."""
        before = indexing.progress()
        if not before.is_configured:
            raise CommandError("Nothing embeds here: set EMBEDDINGS_URL.")
        with Progress(disable=not self.stdout.isatty(), transient=True) as bar:
            task = bar.add_task("sections", total=before.waiting)
            indexing.embed_waiting(
                seconds=math.inf, on_part=lambda count: bar.advance(task, count)
            )
        after = indexing.progress()
        if after.waiting:
            raise CommandError(
                f"{after.waiting} of {after.total} sections still wait: the embedding "
                "model does not answer, or a worker is at it."
            )
        self.stdout.write(f"All {after.total} sections are found by meaning.")

    def _watched(self, kind: str, entries: Rebuilder) -> Iterable[Findable]:
        return track(entries(), kind, disable=not self.stdout.isatty())
