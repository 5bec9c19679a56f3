from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_slug

from community.forum.models import Category
from community.imports.models import ForumSource
from community.imports.services import ImportOrder, ImportOutcome, bring_forum
from core.commands import ProductCommand
from core.errors import DomainError


class Command(ProductCommand):
    """Moves another forum in, with its people, dates, answers and addresses."""

    help = (
        "Bring a forum here. discourse takes a backup (.tar.gz, dump.sql.gz), "
        "stackexchange the folder of a data dump, github the JSON of its GraphQL API. "
        "Example: manage.py import_forum discourse backup.tar.gz --as meta --dry-run"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("format", choices=ForumSource.Format.values)
        parser.add_argument("path", help="the file or folder of the export")
        parser.add_argument(
            "--as",
            dest="slug",
            required=True,
            help="what the forum is called in its old addresses here: /old/NAME/…",
        )
        parser.add_argument("--name", default="", help="what people know it by")
        parser.add_argument(
            "--address",
            default="",
            help="the address it had; links to it in texts then lead to this site",
        )
        parser.add_argument(
            "--files-at",
            default="",
            help="the address its uploaded files are served from now (discourse)",
        )
        parser.add_argument(
            "--category", default="", help="the address of a category for all topics"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check and report, write nothing"
        )
        parser.add_argument(
            "--leave-out", action="store_true", help="go on without what is damaged"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = bring_forum(_order(options), progress=self._show)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self._report(outcome, is_dry=options["dry_run"])

    def _show(self, done: int, of: int) -> None:
        share = 100 * done // max(of, 1)
        # One line that is written over; a file gets one line after the other.
        end = "\r" if self.stdout.isatty() else "\n"
        self.stdout.write(f"{done:,} of {of:,} topics ({share} %)", ending=end)
        self.stdout.flush()

    def _report(self, outcome: ImportOutcome, *, is_dry: bool) -> None:
        for line in outcome.report.lines():
            self.stdout.write(line)
        if outcome.known:
            self.stdout.write(f"{outcome.known:,} topics were here already")
        if outcome.is_refused:
            raise CommandError(
                f"{outcome.report.damaged:,} rows are damaged, and nothing was written. "
                "Mend the export, or go on without them: --leave-out"
            )
        if is_dry:
            self.stdout.write("nothing was written: it was a dry run")
            return
        self.stdout.write(
            f"{outcome.topics:,} topics with {outcome.posts:,} posts were brought"
        )


def _order(options: dict[str, Any]) -> ImportOrder:
    try:
        validate_slug(options["slug"])
    except ValidationError as error:
        raise CommandError("--as takes letters, digits and hyphens.") from error
    if len(options["slug"]) > 20:
        raise CommandError("--as takes at most 20 characters.")
    category = None
    if options["category"]:
        category = Category.objects.filter(slug=options["category"]).first()
        if category is None:
            raise CommandError(f"There is no category {options['category']}.")
    for name in ("address", "files_at"):
        if options[name] and not options[name].startswith(("https://", "http://")):
            raise CommandError(f"--{name.replace('_', '-')} begins with https://")
    return ImportOrder(
        format=options["format"],
        path=Path(options["path"]),
        slug=options["slug"].lower(),
        name=options["name"],
        address=options["address"],
        files_at=options["files_at"],
        category=category,
        leave_out=options["leave_out"],
        is_dry=options["dry_run"],
    )
