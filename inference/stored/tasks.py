from celery import shared_task

from inference.stored import services


@shared_task
def prune() -> None:
    """Forget responses that were kept long enough."""
    services.prune()
