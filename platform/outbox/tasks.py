from celery import shared_task

from outbox import services


@shared_task
def deliver_event(event_id: int) -> None:
    """Deliver one event right after its commit."""
    services.deliver_event(event_id)


@shared_task
def relay() -> None:
    """Deliver whatever a crash or a lost nudge left behind."""
    while services.relay() >= 200:
        pass


@shared_task
def prune() -> None:
    """Forget events that everybody has heard long ago."""
    services.prune()
    services.prune_batches()
