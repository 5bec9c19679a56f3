"""Delivering what was published."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from core.backoff import MAX_ATTEMPTS, wait_after
from core.context import network, request_id
from outbox.models import Delivery, Event, WrittenBatch
from outbox.registry import ReceivedFact, call, load_fact

logger = logging.getLogger(__name__)


def deliver_event(event_id: int) -> int:
    """Run the pending deliveries of one event and return how many ran."""
    due = Delivery.objects.due().filter(event_id=event_id).order_by("pk")
    return sum(_deliver(pk) for pk in list(due.values_list("pk", flat=True)))


def relay(*, limit: int = 200) -> int:
    """Run deliveries that are due, oldest first; finds what a crash left behind."""
    due = Delivery.objects.due().order_by("due_at", "pk")
    return sum(_deliver(pk) for pk in list(due.values_list("pk", flat=True)[:limit]))


def retry_deliveries(deliveries: QuerySet[Delivery]) -> int:
    """Give dead deliveries another round of attempts; return how many were dead."""
    return deliveries.filter(state=Delivery.State.DEAD).update(
        state=Delivery.State.PENDING, attempts=0, due_at=timezone.now()
    )


def prune(*, days: int = 30, batch: int = 1000) -> int:
    """Delete events older than ``days`` that everybody has heard; return how many.

    Those with a pending or a dead delivery stay until somebody has decided on
    them. Batches keep the locks short.
    """
    unheard = Delivery.objects.filter(event_id=OuterRef("pk")).exclude(
        state=Delivery.State.DONE
    )
    old = Event.objects.filter(
        ~Exists(unheard), published_at__lt=timezone.now() - timedelta(days=days)
    )
    pruned = 0
    while pks := list(old.order_by("pk").values_list("pk", flat=True)[:batch]):
        pruned += Event.objects.filter(pk__in=pks).delete()[1]["outbox.Event"]
    return pruned


def prune_batches(*, days: int = 7) -> int:
    """Forget batches nobody can claim again; return how many."""
    old = timezone.now() - timedelta(days=days)
    return WrittenBatch.objects.filter(written_at__lt=old).delete()[0]


def _deliver(delivery_id: int) -> bool:
    try:
        with transaction.atomic():
            # Whoever holds the row is doing the work; do not wait for them. Whoever
            # held it may have failed and put it off, so it is asked again if it is due.
            delivery = (
                Delivery.objects.due()
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("event")
                .filter(pk=delivery_id)
                .first()
            )
            if delivery is None:
                return False
            event = delivery.event
            token = request_id.set(event.request_id or "-")
            network_token = network.set(event.network)
            try:
                fact = load_fact(event.name, event.payload)
                call(
                    delivery.subscriber,
                    ReceivedFact(event.pk, event.name, fact, event.published_at),
                )
            finally:
                request_id.reset(token)
                network.reset(network_token)
            delivery.state = Delivery.State.DONE
            delivery.done_at = timezone.now()
            delivery.attempts += 1
            delivery.save(update_fields=["state", "done_at", "attempts"])
    except Exception as error:
        logger.exception("outbox.delivery_failed", extra={"delivery": delivery_id})
        _postpone(delivery_id, error)
        return False
    return True


def _postpone(delivery_id: int, error: Exception) -> None:
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is None:
        return
    attempts = delivery.attempts + 1
    Delivery.objects.filter(pk=delivery_id, state=Delivery.State.PENDING).update(
        attempts=attempts,
        last_error=f"{type(error).__name__}: {error}"[:2000],
        due_at=timezone.now() + wait_after(attempts),
        state=Delivery.State.DEAD
        if attempts >= MAX_ATTEMPTS
        else Delivery.State.PENDING,
    )
