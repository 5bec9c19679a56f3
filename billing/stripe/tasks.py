from celery import shared_task

from billing.stripe import services


@shared_task
def process_event(pk: int) -> None:
    """Work through one webhook right after it was stored."""
    services.process_event(pk)


@shared_task
def sweep() -> None:
    """Work through what a crash, an outage or a lost nudge left behind."""
    services.process_due()
