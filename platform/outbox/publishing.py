"""Publishing a fact inside the caller's transaction."""

import logging
from dataclasses import asdict
from functools import partial
from typing import Any

from django.db import connection, transaction

from core.context import network, request_id
from outbox.registry import subscribers_of

logger = logging.getLogger(__name__)


def publish(fact: Any) -> None:
    """Write ``fact`` and one delivery for each subscriber.

    Must run inside a transaction, so that the fact exists exactly when the
    change it reports does. After the commit a worker is nudged; when that
    fails the relay finds the deliveries within two seconds.
    """
    from outbox.models import Delivery, Event

    if not connection.in_atomic_block:
        raise RuntimeError("publish() belongs inside the transaction of its change.")

    event = Event.objects.create(
        name=type(fact).__name__,
        payload=asdict(fact),
        request_id=request_id.get(),
        network=network.get(),
    )
    Delivery.objects.bulk_create(
        [
            Delivery(event=event, subscriber=subscriber)
            for subscriber in subscribers_of(event.name)
        ]
    )
    # Robust: what is committed stays true even when the nudge fails.
    transaction.on_commit(partial(_nudge, event.pk), robust=True)


def _nudge(event_id: int) -> None:
    from kombu.exceptions import OperationalError

    from outbox.tasks import deliver_event

    try:
        deliver_event.apply_async((event_id,), retry=False)
    except OperationalError as error:
        logger.warning("outbox.nudge_failed", extra={"error": str(error)})
