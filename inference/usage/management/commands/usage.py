from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from core.commands import ProductCommand
from core.money import format_exact
from inference.usage.checks import CHECKS
from inference.usage.corrections import billed, correct_usage
from inference.usage.exceptions import ImpossibleUsage
from inference.usage.models import UsageEvent

# A month and a few days: what invoices and allowances are made of.
DAYS = 35
SHOWN = 20  # a page; who has more has one cause for them


class Command(ProductCommand):
    """Checks what was metered, and puts a call right."""

    help = (
        "Check that what was metered adds up, or bill a call for other tokens.\n\n"
        "A check ends with 1 when something does not add up. A correction is an entry\n"
        "beside the call; the call's own row never changes.\n\n"
        "  manage.py usage check\n"
        "  manage.py usage show req_…\n"
        "  manage.py usage correct req_… --tokens-in 11 --tokens-out 5 \\\n"
        '      --reason "The server counted its template twice."'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        actions = parser.add_subparsers(dest="action", required=True)
        check = actions.add_parser("check")
        check.add_argument("--days", type=int, default=DAYS)
        show = actions.add_parser("show")
        show.add_argument("call")
        correct = actions.add_parser("correct")
        correct.add_argument("call")
        correct.add_argument("--tokens-in", type=int, required=True)
        correct.add_argument("--tokens-cached", type=int, default=0)
        correct.add_argument("--tokens-out", type=int, required=True)
        correct.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "check":
            self.check_sums(options["days"])
            return
        event = UsageEvent.objects.filter(pk=options["call"]).first()
        if event is None:
            raise CommandError(f"There is no call {options['call']}.")
        if options["action"] == "correct":
            self.correct(event, options)
        self.show(event)

    def check_sums(self, days: int) -> None:
        start = timezone.now() - timedelta(days=days)
        since = start.replace(minute=0, second=0, microsecond=0)
        count = 0
        for rule in CHECKS:
            broken = list(rule(since))
            count += len(broken)
            mark = f"{len(broken)} WRONG" if broken else "ok"
            self.stdout.write(f"{rule.__name__:<34} {mark}")
            for what in broken[:SHOWN]:
                self.stdout.write(f"    {what}")
        if count:
            raise SystemExit(1)

    def correct(self, event: UsageEvent, options: dict[str, Any]) -> None:
        try:
            entry = correct_usage(
                event,
                tokens_in=options["tokens_in"],
                tokens_cached=options["tokens_cached"],
                tokens_out=options["tokens_out"],
                reason=options["reason"],
            )
        except ImpossibleUsage as error:
            raise CommandError(str(error)) from error
        if entry is None:
            self.stdout.write("It is billed for just that already.")

    def show(self, event: UsageEvent) -> None:
        used = billed(event)
        self.stdout.write(
            f"{event.pk} {event.model} {event.get_status_display()}: "
            f"{used.tokens_in} in ({used.tokens_cached} cached), {used.tokens_out} out, "
            f"{format_exact(used.price_nano, 'usd')}, cost us "
            f"{format_exact(used.cost_nano, 'usd')}"
        )
        if event.doubt:
            self.stdout.write(f"    estimated: {event.doubt}")
        for entry in event.corrections.order_by("pk"):
            self.stdout.write(
                f"    {entry.made_at:%Y-%m-%d %H:%M} {entry.tokens_in:+} in, "
                f"{entry.tokens_out:+} out, {entry.price_nano:+} nano: {entry.reason}"
            )
