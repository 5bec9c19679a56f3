from celery import shared_task

from notifications import mailing
from notifications.exceptions import MailServerUnavailable


@shared_task
def send_mail(mail_id: int) -> None:
    """Send one mail right after its commit."""
    try:
        mailing.send_mail(mail_id)
    except MailServerUnavailable:
        # The sweep sends it when the server is back.
        return


@shared_task
def send_due_mail() -> None:
    """Send what waits: after a crash, a dead mail server or news for a crowd."""
    while mailing.send_due_mail() >= mailing.BATCH:
        pass


@shared_task
def prune_mail() -> None:
    """Forget what was sent long ago."""
    mailing.prune_mail()
