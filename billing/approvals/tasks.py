from celery import shared_task

from billing.approvals import services


@shared_task
def expire_requests() -> None:
    """Close requests that nobody decided in time."""
    services.expire_requests()
