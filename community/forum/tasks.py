from celery import shared_task

from community.forum import services


@shared_task
def flush_views() -> None:
    """Add the looks of the last minute to their topics."""
    services.flush_views()
