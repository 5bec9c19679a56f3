from celery import shared_task

from billing.quotes import renewing, services


@shared_task
def settle() -> None:
    """Close quotes whose days are over; renew or end contracts; tell of the ends."""
    services.expire_quotes()
    renewing.settle_terms()
    renewing.remind_of_renewals()
