from celery import shared_task

from jobs import services, working


@shared_task
def work(kind: str, subject: str) -> None:
    """Do what waits about one row, right after its commit."""
    working.work(kind, subject)


@shared_task
def sweep(kind: str) -> None:
    """Do what a crash, an outage or a lost nudge left behind."""
    working.sweep(kind)


@shared_task
def prune() -> None:
    """Forget what came to an end long ago."""
    services.prune()
