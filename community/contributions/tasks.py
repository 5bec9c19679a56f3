from celery import shared_task

from community.contributions import services


@shared_task
def process_delivery(guid: str) -> None:
    """Act on a delivery right after it was stored."""
    services.process_delivery(guid)


@shared_task
def process_waiting() -> None:
    """Act on what a crash or a lost nudge left behind."""
    services.process_waiting()


@shared_task
def prune_deliveries() -> None:
    """Forget what came to a good end long ago."""
    services.prune_deliveries()
