"""Publishing a fact inside the caller's transaction."""

from dataclasses import asdict
from typing import Any

from django.db import connection

from core.context import network, request_id
from outbox.registry import subscribers_of
from stores.nudging import nudge_after_commit


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
    nudge_after_commit("outbox.tasks.deliver_event", event.pk)
