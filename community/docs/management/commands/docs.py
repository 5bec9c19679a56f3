from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.progress import Progress

from community.docs.exceptions import BrokenLinks
from community.docs.services import import_version
from community.docs.sources import SourceError

ROOT = Path(__file__).resolve().parents[4]


class Command(BaseCommand):
    """Loads a folder of Markdown as a version of the documentation."""

    help = (
        "Import documentation. Example: "
        "manage.py docs import docs/site/1.0 --version 1.0 --default"
    )

    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        # Django's own --version would be in the way of ours.
        return super().create_parser(
            prog_name, subcommand, conflict_handler="resolve", **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["import"])
        parser.add_argument("path")
        parser.add_argument("--version", required=True)
        parser.add_argument("--default", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(options["path"])
        if not root.is_absolute() and not root.exists():
            root = ROOT / root
        try:
            with Progress(disable=not self.stdout.isatty(), transient=True) as progress:
                task = progress.add_task("pages", total=None)
                changed = import_version(
                    root,
                    version=options["version"],
                    is_default=options["default"],
                    on_page=lambda source: progress.advance(task),
                )
        except SourceError as error:
            raise CommandError(str(error)) from error
        except BrokenLinks as error:
            listed = "\n".join(error.details["broken"])
            raise CommandError(f"These links lead nowhere:\n{listed}") from error
        if options["verbosity"]:
            for locale, count in changed.items():
                self.stdout.write(
                    f"{options['version']} {locale}: {count} pages changed"
                )
