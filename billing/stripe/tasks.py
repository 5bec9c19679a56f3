from celery import shared_task

from billing.stripe.services import WEBHOOK
from jobs import working


@shared_task
def process_event(pk: int) -> None:
    """What the release before this one sends; it goes with the next one."""
    working.work(WEBHOOK, str(pk))
