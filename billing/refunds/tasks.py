from celery import shared_task

from billing.refunds import services


@shared_task
def expire_orders() -> None:
    """Close orders that nobody approved."""
    services.expire_orders()
