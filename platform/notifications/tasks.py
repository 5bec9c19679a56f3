from celery import shared_task

from notifications import services


@shared_task
def send_mail(mail_id: int) -> None:
    """Send one mail right after its commit."""
    services.send_mail(mail_id)


@shared_task
def send_due_mail() -> None:
    """Send what a crash, a lost nudge or a dead mail server left behind."""
    services.send_due_mail()
