from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from billing.ledger.checks import CHECKS
from billing.ledger.models import Invoice, UsageCost
from core.commands import ProductCommand


class Command(ProductCommand):
    """Check that the ledger adds up."""

    help = (
        "Check that every sum of the ledger adds up.\n\n"
        "Ends with 1 when something does not.\n\n  manage.py ledger check"
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
            for violation in violations[:20]:
                self.stdout.write(f"    {violation.subject}: {violation.detail}")
        self.stdout.write(
            f"{Invoice.objects.count()} invoices, {UsageCost.objects.count()} usage"
            f" rows, {count} violations."
        )
        if count:
            raise SystemExit(1)
