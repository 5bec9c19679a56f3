import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from accounts.models import User
from core.commands import ProductCommand
from demo import emulator
from demo.services import SCALES, seed


class Command(ProductCommand):
    """Fills an empty installation with ninety days of history."""

    help = (
        "Load the demo: s takes a minute, m some minutes, l twenty. "
        "Example: manage.py seed_demo --scale s --seed 42"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", choices=sorted(SCALES), default="s")
        parser.add_argument("--seed", type=int, default=42)
        parser.add_argument(
            "--catch-up",
            action="store_true",
            help="Load nothing; let the subscriptions of a loaded demo renew to today.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "ALLOWS_DEMO", False):
            raise CommandError(
                "The demo's passwords are known to everybody: it is loaded in "
                "development only."
            )
        if options["catch_up"]:
            emulator.catch_up(timezone.now())
            return
        if User.objects.exists():
            raise CommandError(
                "The demo is loaded into an empty installation only, and there are "
                "people in this one. Start with an empty database to load it anew."
            )
        started = time.monotonic()
        scale = SCALES[options["scale"]]
        totals = {
            "people": scale.people + 6,
            "page views": scale.views,
            "newcomers": scale.newcomers,
        }
        with Progress(
            TextColumn("{task.description:>15}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            disable=not self.stdout.isatty(),
        ) as progress:
            tasks: dict[str, Any] = {}

            def on_step(what: str, done: int) -> None:
                if what not in tasks:
                    tasks[what] = progress.add_task(what, total=totals.get(what))
                    if not self.stdout.isatty():
                        took = time.monotonic() - started
                        self.stdout.write(f"demo: {what} ({took:.0f} s)")
                progress.advance(tasks[what], done)

            seed(scale, seed=options["seed"], on_step=on_step)
        self.stdout.write(f"demo: loaded in {time.monotonic() - started:.0f} s")
