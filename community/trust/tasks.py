"""Celery entry points of trust."""

from celery import shared_task

from community.trust import rings, services


@shared_task
def assess_everybody() -> None:
    """Measure everybody's level, and give the badges that are due."""
    services.assess_everybody()
    services.give_badges()


@shared_task
def open_ring_cases() -> None:
    """Open a case for every vote ring of the last month."""
    rings.open_cases()
