from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from community.imports.generating import WRITERS
from core.commands import ProductCommand


class Command(ProductCommand):
    """Writes the export of a forum that never was, to try an import on."""

    help = "Example: manage.py generate_export discourse export --posts 1000000"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("format", choices=list(WRITERS))
        parser.add_argument("folder", help="where to write it; made if it is not there")
        parser.add_argument("--posts", type=int, default=1_000)
        parser.add_argument("--people", type=int, default=500)
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        path = WRITERS[options["format"]](
            folder,
            posts=options["posts"],
            people=options["people"],
            seed=options["seed"],
        )
        self.stdout.write(str(path))
