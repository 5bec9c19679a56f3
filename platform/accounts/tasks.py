"""Celery entry points of accounts."""

from celery import shared_task

from accounts import idempotency


@shared_task
def prune_calls() -> None:
    """Forget calls nobody can repeat any more."""
    idempotency.prune_calls()
