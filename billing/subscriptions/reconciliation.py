"""Comparing what Stripe has with our copies, and putting right what differs.

A webhook that never came is worked through as if it had; a copy that differs is
fetched again. What cannot be put right is left for a person to read.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from billing.ledger.models import Invoice
from billing.stripe import adapter, objects
from billing.stripe import services as inbox
from billing.stripe.exceptions import NotOurs, StripeError
from billing.stripe.models import WebhookInbox
from billing.stripe.registry import refresher_for
from billing.stripe.webhooks import parse_event
from billing.subscriptions.mirror import sync_invoice, sync_subscription
from billing.subscriptions.models import BillingAccount, Subscription

_LOCK = 0x57811


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that was not as Stripe has it."""

    scope: str
    object_id: str
    field: str
    ours: str
    theirs: str
    is_fixed: bool


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
    """Yield every difference; missed events since ``since``, three days by default."""
    since = since or timezone.now() - timedelta(days=3)
    yield from _missed_events(since, fix=fix)
    seen: set[str] = set()
    for fetched in adapter.subscriptions():
        seen.add(fetched.id)
        yield from _subscription_differences(fetched, fix=fix)
    yield from _vanished_subscriptions(seen, fix=fix)
    yield from _open_invoices(fix=fix)
    yield from _duplicates()


def _missed_events(since: datetime, *, fix: bool) -> Iterator[Difference]:
    for raw in adapter.events_since(int(since.timestamp())):
        if WebhookInbox.objects.filter(event_id=raw["id"]).exists():
            continue
        try:
            event = parse_event(raw, body=json.dumps(raw))
        except (ValueError, KeyError, TypeError):
            continue
        if refresher_for(event.object_kind) is None:
            continue
        if fix:
            inbox.receive_event(event)
        yield Difference(
            scope="event",
            object_id=event.id,
            field=event.type,
            ours="missing",
            theirs="sent",
            is_fixed=fix,
        )


def _subscription_differences(
    fetched: objects.Subscription, *, fix: bool
) -> Iterator[Difference]:
    ours = Subscription.objects.filter(stripe_id=fetched.id).first()
    if ours is None and not _is_ours(fetched):
        return
    theirs: dict[str, object] = {
        "status": fetched.status,
        "cancel_at_period_end": fetched.cancel_at_period_end,
        "cancel_at": fetched.cancel_at,
        "items": sorted((item.price_id, item.quantity) for item in fetched.items),
    }
    found = (
        {
            "status": ours.status,
            "cancel_at_period_end": ours.cancel_at_period_end,
            "cancel_at": ours.cancel_at,
            "items": sorted(ours.items.values_list("stripe_price_id", "quantity")),
        }
        if ours
        else {}
    )
    different = {
        name: value for name, value in theirs.items() if found.get(name) != value
    }
    if not different:
        return
    is_fixed = fix and _try(sync_subscription, fetched.id)
    for name, value in different.items():
        yield Difference(
            scope="subscription",
            object_id=fetched.id,
            field=name,
            ours=str(found.get(name, "missing")),
            theirs=str(value),
            is_fixed=is_fixed,
        )


def _vanished_subscriptions(seen: set[str], *, fix: bool) -> Iterator[Difference]:
    for ours in Subscription.objects.live().exclude(stripe_id__in=seen):
        is_fixed = fix and _try(sync_subscription, ours.stripe_id)
        after = Subscription.objects.get(pk=ours.pk)
        if after.status == ours.status:
            # Started after the list was read, or of a status it leaves out.
            continue
        yield Difference(
            scope="subscription",
            object_id=ours.stripe_id,
            field="status",
            ours=ours.status,
            theirs=after.status,
            is_fixed=is_fixed,
        )


def _open_invoices(*, fix: bool) -> Iterator[Difference]:
    theirs = set(adapter.open_invoice_ids())
    ours = set(
        Invoice.objects.filter(status=Invoice.Status.OPEN).values_list(
            "stripe_id", flat=True
        )
    )
    for stripe_id in sorted(theirs ^ ours):
        if fix and not _try(sync_invoice, stripe_id):
            continue
        status = Invoice.objects.filter(stripe_id=stripe_id).values_list("status")
        yield Difference(
            scope="invoice",
            object_id=stripe_id,
            field="status",
            ours="open" if stripe_id in ours else "missing",
            theirs=str(next(iter(status), ("open",))[0]),
            is_fixed=fix,
        )


def _duplicates() -> Iterator[Difference]:
    """Second live subscriptions cost somebody twice; only a person can end one."""
    for row in Subscription.objects.live().filter(is_duplicate=True):
        yield Difference(
            scope="subscription",
            object_id=row.stripe_id,
            field="duplicate",
            ours=f"organisation {row.organisation_id}",
            theirs="two live subscriptions",
            is_fixed=False,
        )


def _is_ours(fetched: objects.Subscription) -> bool:
    return BillingAccount.objects.filter(
        stripe_customer_id=fetched.customer_id
    ).exists()


def _try(sync: Callable[[str], object], stripe_id: str) -> bool:
    try:
        sync(stripe_id)
    except (NotOurs, StripeError):
        return False
    return True
