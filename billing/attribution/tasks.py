from celery import shared_task

from billing.attribution import services


@shared_task
def replace_due_ways() -> None:
    """Derive the ways of organisations that have paid for the first time."""
    services.replace_due_ways()


@shared_task
def replace_ways() -> None:
    """Derive every way again, and tell authors how far their work reaches."""
    services.replace_ways()
