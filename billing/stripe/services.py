"""Receiving webhooks and working through them."""

import logging

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from billing.stripe.events import reason_to_let_go
from billing.stripe.exceptions import NotOurs
from billing.stripe.locks import inbox_lock
from billing.stripe.models import WebhookInbox
from billing.stripe.objects import Event
from billing.stripe.registry import refresher_for
from core.backoff import MAX_ATTEMPTS, wait_after
from stores.nudging import nudge_after_commit

logger = logging.getLogger(__name__)

PENDING = (WebhookInbox.State.NEW, WebhookInbox.State.FAILED)


@transaction.atomic
def receive_event(event: Event, *, endpoint: str = "stripe") -> bool:
    """Store an event and return whether it is new; a repeat is only counted."""
    row = WebhookInbox(
        endpoint=endpoint,
        event_id=event.id,
        type=event.type,
        api_version=event.api_version,
        livemode=event.livemode,
        object_kind=event.object_kind,
        object_id=event.object_id,
        payload=event.body,
        created_at=event.created_at,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        WebhookInbox.objects.filter(endpoint=endpoint, event_id=event.id).update(
            deliveries=F("deliveries") + 1
        )
        return False
    nudge_after_commit("billing.stripe.tasks.process_event", row.pk)
    return True


def process_event(pk: int) -> bool:
    """Work through one stored event; return whether it is finished.

    Whoever holds the row's lock is doing the work. Each try is counted before it
    starts, so that an event that kills its worker comes to an end too.
    """
    with inbox_lock(pk) as is_ours:
        row = WebhookInbox.objects.filter(pk=pk, state__in=PENDING).first()
        if not is_ours or row is None:
            return False
        WebhookInbox.objects.filter(pk=pk).update(attempts=F("attempts") + 1)
        try:
            state, note = _refresh(row)
        except Exception as error:
            logger.exception("stripe.event_failed", extra={"event": row.event_id})
            _postpone(row, error)
            return False
        WebhookInbox.objects.filter(pk=pk).update(
            state=state, last_error=note, processed_at=timezone.now()
        )
        return True


def process_due(*, limit: int = 100) -> int:
    """Work through events that wait, oldest first; finds what a crash left behind."""
    due = WebhookInbox.objects.filter(state__in=PENDING, due_at__lte=timezone.now())
    ids = due.order_by("due_at", "pk").values_list("pk", flat=True)[:limit]
    return sum(process_event(pk) for pk in list(ids))


def replay(row: WebhookInbox) -> None:
    """Work through a stored event once more, from its first attempt."""
    WebhookInbox.objects.filter(pk=row.pk).update(
        state=WebhookInbox.State.NEW,
        attempts=0,
        last_error="",
        due_at=timezone.now(),
        processed_at=None,
    )
    nudge_after_commit("billing.stripe.tasks.process_event", row.pk)


def _refresh(row: WebhookInbox) -> tuple[str, str]:
    if row.livemode != settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")):
        return WebhookInbox.State.IGNORED, "of the other mode (live or test)"
    reason = reason_to_let_go(row.type)
    if reason:
        return WebhookInbox.State.IGNORED, reason
    refresher = refresher_for(row.object_kind)
    if refresher is None or not row.object_id:
        return WebhookInbox.State.IGNORED, "about nothing that has an id"
    try:
        refresher(row.object_id)
    except NotOurs as error:
        return WebhookInbox.State.IGNORED, str(error)
    return WebhookInbox.State.DONE, ""


def _postpone(row: WebhookInbox, error: Exception) -> None:
    attempts = row.attempts + 1
    is_last = attempts >= MAX_ATTEMPTS
    details = getattr(error, "details", {}).get("reason", "")
    WebhookInbox.objects.filter(pk=row.pk).update(
        state=WebhookInbox.State.DEAD if is_last else WebhookInbox.State.FAILED,
        last_error=f"{type(error).__name__}: {details or error}"[:2000],
        due_at=timezone.now() + wait_after(attempts),
    )
