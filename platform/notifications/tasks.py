from celery import shared_task

from jobs import working
from notifications.mailing import MAIL


@shared_task
def send_mail(mail_id: int) -> None:
    """What the release before this one sends; it goes with the next one."""
    working.work(MAIL, str(mail_id))
