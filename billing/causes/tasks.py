from celery import shared_task

from billing.causes import services


@shared_task
def estimate() -> None:
    """Estimate what moves α from everything that is known tonight."""
    services.estimate_causes()
