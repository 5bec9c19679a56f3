from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import CommandError

from billing.plans.services import ensure_default_plans
from billing.stripe.catalogue import sync_plans
from billing.stripe.exceptions import StripeError
from core.commands import ProductCommand


class Command(ProductCommand):
    """Push plans and prices to Stripe; safe to run at every start."""

    help = (
        "Create the default plans that are missing and push products and prices to "
        "Stripe.\n\nPrices never change there: another amount is another price, which "
        "takes over the lookup key.\n\n  manage.py stripe_sync_plans"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_default_plans()
        rows = []
        try:
            for done in sync_plans():
                rows.append(done)
                if self.stdout.isatty():
                    self.stdout.write(f"  {done.lookup_key} …", ending="\r")
        except StripeError as error:
            reason = error.details.get("reason", "")
            raise CommandError(f"{error} {reason}") from error
        if not options["verbosity"]:
            return
        width = max((len(row.lookup_key) for row in rows), default=10)
        self.stdout.write(f"{'price':<{width}}  {'amount':>12}  stripe id  action")
        for row in rows:
            self.stdout.write(
                f"{row.lookup_key:<{width}}  {row.amount:>12}  {row.stripe_id}"
                f"  {row.action}"
            )
