from celery import shared_task

from community.contributions.services import CONTRIBUTION
from jobs import working


@shared_task
def process_delivery(guid: str) -> None:
    """What the release before this one sends; it goes with the next one."""
    working.work(CONTRIBUTION, guid)
