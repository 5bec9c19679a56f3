from celery import shared_task

from billing.conversion.bridge import check_bridge


@shared_task
def check_figures() -> None:
    """Compare all figures with the ledger; operations show what is missing."""
    check_bridge()
