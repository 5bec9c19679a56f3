from celery import shared_task

from inference.transcripts import services


@shared_task
def prune() -> None:
    """Forget transcripts that were kept long enough."""
    services.prune()
