from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from billing.credits.checks import CHECKS
from billing.credits.models import CreditEntry, CreditGrant
from core.commands import ProductCommand


class Command(ProductCommand):
    """Check that credit adds up."""

    help = (
        "Check that every sum of credit adds up, down to the usage it covered.\n\n"
        "Ends with 1 when something does not.\n\n  manage.py credits check"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("action", choices=["check"])

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for check in CHECKS:
            violations = list(check())
            count += len(violations)
            mark = "ok" if not violations else f"{len(violations)} WRONG"
            self.stdout.write(f"{check.__name__:<30} {mark}")
            # Enough to see which kind it is.
            for violation in violations[:20]:
                self.stdout.write(f"    {violation}")
        self.stdout.write(
            f"{CreditGrant.objects.count()} grants, {CreditEntry.objects.count()}"
            f" entries, {count} violations."
        )
        if count:
            raise SystemExit(1)
