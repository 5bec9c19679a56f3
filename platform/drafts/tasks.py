"""Celery entry points of drafts."""

from celery import shared_task

from drafts import services


@shared_task
def forget_old() -> None:
    """Delete what nobody came back for."""
    services.forget_old()
