from celery import shared_task

from privacy import services


@shared_task(ignore_result=True)
def enqueue_erasures() -> None:
    """Have closed accounts erased whose days are over."""
    services.enqueue_erasures()
