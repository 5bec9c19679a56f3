from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import CommandError
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from billing.overage import closing, comparing, sending
from billing.overage.models import Statement
from billing.stripe.exceptions import StripeError
from core.commands import ProductCommand


class Command(ProductCommand):
    """Charges usage beyond the allowance, and proves what was charged."""

    help = (
        "close: close the periods that are over, send their lines to Stripe, and check.\n"
        "check: work every line out again from the ledger and compare it with Stripe's,\n"
        "to the minor unit. Ends with 1 when something differs.\n\n"
        "  manage.py overage close\n"
        "  manage.py overage check --since 2026-05-01"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("action", choices=["close", "check"])
        parser.add_argument("--since", help="of what was closed since then (UTC)")

    def handle(self, *args: Any, **options: Any) -> None:
        since = None
        if options["since"]:
            text = options["since"]
            since = parse_datetime(text if "T" in text else f"{text}T00:00:00")
            if since is None:
                raise CommandError(f"--since {text}: give a day, as 2026-05-01.")
            since = make_aware(since) if is_naive(since) else since
        try:
            if options["action"] == "close":
                closed = closing.close_periods()
                sent, failed = sending.send_statements()
                self.stdout.write(
                    f"{len(closed)} periods closed, {sent} statements sent,"
                    f" {failed} could not be sent."
                )
            checked = comparing.check_charges(since=since)
        except StripeError as error:
            reason = error.details.get("reason", error)
            raise CommandError(f"Stripe could not be asked: {reason}") from error
        for difference in checked.found:
            self.stdout.write(f"    {difference}")
        waiting = Statement.objects.unsent().count()
        self.stdout.write(
            f"{checked.statements} statements, {checked.lines} lines,"
            f" {checked.differences} differences; {waiting} wait to be sent."
        )
        if checked.differences:
            raise CommandError("What was charged is not what the ledger comes to.")
