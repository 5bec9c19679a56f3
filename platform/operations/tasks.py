"""Celery entry points of operations."""

import time

from celery import shared_task

from operations.servers import PULSE
from stores.redis import client, prefixed


@shared_task
def pulse() -> None:
    """Leave a sign that beat asked and a worker did."""
    # Kept for an hour, so that the doctor can say how old the last one is.
    client().set(prefixed(PULSE), time.time(), ex=3600)
