from celery import shared_task

from billing.credits import drawing, notices, services


@shared_task
def expire_credit() -> None:
    """Cover what usage still waits, then end the credit whose time has come."""
    drawing.cover_everybody()
    services.expire_credit()


@shared_task
def remind_of_expiry() -> None:
    """Tell of credit that ends within a week."""
    notices.remind_of_expiry()
