from celery import shared_task

from jobs import working
from outbox import services
from outbox.registry import FACT


@shared_task
def deliver_event(event_id: int) -> None:
    """What the release before this one sends; it goes with the next one."""
    working.work(FACT, str(event_id))


@shared_task
def prune() -> None:
    """Forget batches that were written long ago."""
    services.prune_batches()
