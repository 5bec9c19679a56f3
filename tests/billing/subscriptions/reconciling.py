"""The nightly comparison with Stripe, to its end, and the cases it leaves."""

from billing.subscriptions import reconciliation
from billing.subscriptions.models import Case
from jobs.working import sweep


def run() -> list[reconciliation.Difference]:
    found = list(reconciliation.run())
    while sweep("webhook"):
        pass
    return found


def open_cases() -> int:
    return Case.objects.filter(closed_at=None).count()
