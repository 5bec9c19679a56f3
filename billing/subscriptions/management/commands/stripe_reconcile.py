from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import timezone

from billing.stripe.exceptions import StripeError
from billing.stripe.services import WEBHOOK
from billing.subscriptions import reconciliation
from billing.subscriptions.models import Case
from core.commands import ProductCommand
from jobs.working import sweep


class Command(ProductCommand):
    """Compare our copies with Stripe's and put right what differs."""

    help = (
        "Compare every object of every age with Stripe and put right what differs."
        "\n\nEnds with 1 when something is left for a person; it is then on "
        "/staff/revenue/cases/.\n\n"
        "  manage.py stripe_reconcile --days 7\n"
        "  manage.py stripe_reconcile --dry-run"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument(
            "--days",
            type=int,
            help="how far back to list events (since the last complete run)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only report, change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        since = timezone.now() - timedelta(days=days) if days is not None else None
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
            sweep(WEBHOOK)
        for row in differences:
            self.stdout.write(
                f"{row.scope:<13} {row.object_id:<32} {row.field:<24} "
                f"{row.ours} → {row.theirs}  {'fixed' if row.is_fixed else 'OPEN'}"
            )
        fixed = sum(row.is_fixed for row in differences)
        waiting = Case.objects.filter(closed_at=None).count()
        noun = "case" if waiting == 1 else "cases"
        self.stdout.write(
            f"{len(differences)} differences, {fixed} fixed, {waiting} open {noun} on"
            f" {reverse('subscriptions:case-list')}"
        )
        if waiting or fixed < len(differences):
            raise SystemExit(1)
