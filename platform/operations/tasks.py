"""Celery entry points of operations."""

import time

from celery import shared_task

from core.redis import client, prefixed
from operations.findings import PULSE


@shared_task
def pulse() -> None:
    """Leave a sign that beat asked and a worker did."""
    client().set(prefixed(PULSE), time.time(), ex=3600)
