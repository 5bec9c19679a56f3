from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.progress import Progress

from community.docs import defaults, services
from community.docs.exceptions import BrokenLinks, PagesWouldVanish
from community.docs.models import MAX_LABEL, Version
from community.docs.sources import SourceError
from core.commands import ProductCommand
from core.errors import DomainError
from search import indexing

ROOT = Path(__file__).resolve().parents[4]
ACTS = ("import", "list", "default", "relabel", "remove", "vectors")


class Command(ProductCommand):
    """Loads folders of Markdown as versions of the documentation, and runs those."""

    help = (
        "Import documentation, or list, relabel and remove versions of it. Examples: "
        "manage.py docs import docs/site/1.0 --version 1.0 --default; "
        "manage.py docs relabel --version 1.0 --label '1.0 (long term)'; "
        "manage.py docs remove --version 0.9 --remove; "
        "manage.py docs vectors writes what the product's own sections mean"
    )

    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        # Django's own --version would be in the way of ours.
        return super().create_parser(
            prog_name, subcommand, conflict_handler="resolve", **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=ACTS)
        parser.add_argument("path", nargs="?", default="", help="a folder, to import")
        parser.add_argument("--version", default="", help="its name, such as 1.0")
        parser.add_argument("--default", action="store_true", help="show it at /docs/")
        parser.add_argument("--label", default="", help="what relabel calls it")
        parser.add_argument(
            "--status",
            default="",
            choices=["", *Version.Status.values],
            help="what relabel says it is to its readers",
        )
        parser.add_argument(
            "--remove", action="store_true", help="pages that are shown may vanish"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] not in {"list", "vectors"} and not options["version"]:
            raise CommandError("Say which version: --version 1.0")
        try:
            getattr(self, f"_{options['what']}")(options)
        except SourceError as error:
            raise CommandError(f"Nothing was imported:\n{error}") from error
        except BrokenLinks as error:
            listed = "\n".join(error.details["broken"])
            raise CommandError(f"These links lead nowhere:\n{listed}") from error
        except PagesWouldVanish as error:
            listed = "\n".join(error.details["pages"])
            raise CommandError(
                "These pages are shown now and have no source in the folder. Nothing "
                f"was changed; add --remove to let them go:\n{listed}"
            ) from error
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _import(self, options: dict[str, Any]) -> None:
        if not options["path"]:
            raise CommandError("Say which folder: docs import docs/site/1.0 …")
        root = Path(options["path"])
        if not root.is_absolute() and not root.exists():
            root = ROOT / root
        with Progress(disable=not self.stdout.isatty(), transient=True) as progress:
            task = progress.add_task("pages", total=None)
            changed = services.import_version(
                root,
                version=options["version"],
                is_default=options["default"],
                may_remove=options["remove"],
                on_page=lambda source: progress.advance(task),
            )
        if options["verbosity"]:
            for locale, count in changed.items():
                self.stdout.write(
                    f"{options['version']} {locale}: {count} pages changed"
                )

    def _list(self, options: dict[str, Any]) -> None:
        for version in Version.objects.all():
            mark = " (default)" if version.is_default else ""
            pages = version.pages.published().count()
            self.stdout.write(f"{version.slug}{mark}: {version.label}, {pages} pages")

    def _vectors(self, options: dict[str, Any]) -> None:
        """Write the file that ships what the product's own sections mean."""
        texts = list(defaults.texts_of_site())
        with Progress(disable=not self.stdout.isatty(), transient=True) as progress:
            task = progress.add_task("sections", total=len(texts))
            count = indexing.ship(
                texts, defaults.VECTORS, on_part=lambda: progress.advance(task)
            )
        self.stdout.write(f"{defaults.VECTORS}: {count} vectors.")

    def _default(self, options: dict[str, Any]) -> None:
        services.make_default(self._version(options))
        self.stdout.write(f"/docs/ shows {options['version']} now.")

    def _relabel(self, options: dict[str, Any]) -> None:
        label = options["label"].strip()
        if not 0 < len(label) <= MAX_LABEL:
            raise CommandError(
                f"Say what to call it: --label, {MAX_LABEL} characters at most."
            )
        services.relabel_version(
            self._version(options), label=label, status=options["status"]
        )
        self.stdout.write(f"{options['version']} is called “{label}” now.")

    def _remove(self, options: dict[str, Any]) -> None:
        version = self._version(options)
        if not options["remove"]:
            raise CommandError(
                f"{version.slug} has {version.pages.published().count()} pages. Nothing "
                "was changed; add --remove to let them go."
            )
        count = services.remove_version(version)
        self.stdout.write(f"{options['version']} is removed, with {count} pages.")

    def _version(self, options: dict[str, Any]) -> Version:
        version = Version.objects.filter(slug=options["version"]).first()
        if version is None:
            known = ", ".join(Version.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(
                f"There is no version {options['version']}. There are: {known}."
            )
        return version
