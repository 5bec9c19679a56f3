"""Comparing everything Stripe has with everything we have, and putting it right.

Every object, not the latest ones: a look back is as long as an outage is short.
What differs is fetched again, a webhook that never came is worked through as if it
had; what stays different is put before staff as a case and not told twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from billing.subscriptions.models import Reconciliation
from billing.subscriptions.reconciliation.customers import cards, customers
from billing.subscriptions.reconciliation.events import events
from billing.subscriptions.reconciliation.invoices import charges, invoices
from billing.subscriptions.reconciliation.refunds import refunds
from billing.subscriptions.reconciliation.subscriptions import (
    duplicates,
    subscriptions,
)
from billing.subscriptions.reconciliation.sums import entitlements, movements, sums
from billing.subscriptions.reconciliation.work import Difference, Work

__all__ = ["Difference", "exclusively", "run"]

# A number no other advisory lock has.
_LOCK = 0x57811
# So long Stripe keeps its events, and so far the first comparison looks.
EVENT_AGE = timedelta(days=30)
# Clocks differ, and an event is listed a moment after it happened.
OVERLAP = timedelta(hours=1)


@contextmanager
def exclusively() -> Iterator[bool]:
    """Hold the one place there is for a reconciliation; yields whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def run(*, since: datetime | None = None, fix: bool = True) -> Iterator[Difference]:
    """Yield every difference that is news; everything of every age is compared.

    Events are listed from where the last complete run began, or since ``since``.
    With ``fix`` what differs is put right, or put before staff.
    """
    last = Reconciliation.objects.exclude(finished_at=None).order_by("-started_at")
    earliest = timezone.now() - EVENT_AGE
    begun = since or max(
        (each.started_at - OVERLAP for each in last[:1]), default=earliest
    )
    work = Work(fix=fix)
    run_row = Reconciliation.objects.create() if fix else None
    found = fixed = 0
    for difference in _everything(work, since=max(begun, earliest)):
        found += 1
        fixed += difference.is_fixed
        yield difference
    if run_row is not None:
        run_row.finished_at = timezone.now()
        run_row.compared, run_row.found, run_row.fixed = work.compared, found, fixed
        run_row.save()


def _everything(work: Work, *, since: datetime) -> Iterator[Difference]:
    """Compare in an order in which each part finds what it builds on put right."""
    yield from events(work, since=since)
    yield from customers(work)
    yield from subscriptions(work)
    yield from duplicates(work)
    yield from cards(work)
    yield from invoices(work)
    yield from refunds(work)
    yield from charges(work)
    yield from sums(work)
    yield from entitlements(work)
    yield from movements(work)
