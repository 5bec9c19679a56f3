"""Celery entry points of drafts."""

from celery import shared_task

from drafts import services


@shared_task
def prune_drafts() -> None:
    """Delete what nobody came back for."""
    services.prune_drafts()
