from celery import shared_task

from community.forum import digests, services


@shared_task
def flush_views() -> None:
    """Add the looks of the last minute to their topics."""
    services.flush_views()


@shared_task
def render_again() -> None:
    """Store anew what was rendered by the rules of an earlier release."""
    services.render_again()


@shared_task
def notify_of_reminders() -> None:
    """Deliver the reminders that are due."""
    services.notify_of_reminders()


@shared_task
def send_digests() -> None:
    """Write the letters to those who have Monday morning now."""
    digests.send_digests()
