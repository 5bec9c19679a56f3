"""Publishing a fact inside the caller's transaction."""

from dataclasses import asdict
from typing import Any

from django.db import connection

from core.context import network, request_id
from outbox.registry import FACT, subscribers_of


def publish(fact: Any) -> None:
    """Write ``fact`` and one job for each subscriber.

    Must run inside a transaction, so that the fact exists exactly when the
    change it reports does. After the commit a worker is nudged; when that
    fails the sweep finds the jobs within two seconds.
    """
    from jobs.services import enqueue
    from outbox.models import Event

    if not connection.in_atomic_block:
        raise RuntimeError("publish() belongs inside the transaction of its change.")

    event = Event.objects.create(
        name=type(fact).__name__,
        payload=asdict(fact),
        request_id=request_id.get(),
        network=network.get(),
    )
    enqueue(FACT, event.pk, parts=subscribers_of(event.name))
