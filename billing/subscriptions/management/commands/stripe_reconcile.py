from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from billing.stripe.exceptions import StripeError
from billing.stripe.services import process_due
from billing.subscriptions import reconciliation
from core.commands import ProductCommand


class Command(ProductCommand):
    """Compare our copies with Stripe's and put right what differs."""

    help = (
        "Compare events, subscriptions and open invoices with Stripe and put right "
        "what differs.\n\nEnds with 1 when something is left for a person.\n\n"
        "  manage.py stripe_reconcile --days 7\n"
        "  manage.py stripe_reconcile --dry-run"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument(
            "--days", type=int, default=3, help="how far back to look for events (3)"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only report, change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        since = timezone.now() - timedelta(days=options["days"])
        differences = []
        with reconciliation.exclusively() as is_ours:
            if not is_ours:
                raise CommandError("Another reconciliation is running.")
            try:
                for difference in reconciliation.run(
                    since=since, fix=not options["dry_run"]
                ):
                    differences.append(difference)
                    if self.stdout.isatty():
                        self.stdout.write(f"  {len(differences)} found …", ending="\r")
            except StripeError as error:
                reason = error.details.get("reason", "")
                raise CommandError(f"{error} {reason}") from error
        if not options["dry_run"]:
            process_due()
        for row in differences:
            self.stdout.write(
                f"{row.scope:<13} {row.object_id:<32} {row.field:<24} "
                f"{row.ours} → {row.theirs}  {'fixed' if row.is_fixed else 'OPEN'}"
            )
        left = sum(not row.is_fixed for row in differences)
        self.stdout.write(
            f"{len(differences)} differences, {len(differences) - left} fixed,"
            f" {left} left for a person."
        )
        if left:
            raise SystemExit(1)
