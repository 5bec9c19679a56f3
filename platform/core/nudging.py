"""Waking a worker for a row that waits, once the row is committed."""

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def nudge_after_commit(task: str, key: int | str) -> None:
    """Have a worker run ``task`` on the row ``key`` after the commit.

    Best effort: the row is what counts. When the broker cannot be reached, the sweep
    that belongs to the task finds the row some seconds later.
    """
    # Robust: what is committed stays true even when the nudge fails.
    transaction.on_commit(partial(_send, task, key), robust=True)


def _send(task: str, key: int | str) -> None:
    try:
        current_app.send_task(task, (key,), retry=False)
    except OperationalError as error:
        logger.warning("nudge.failed", extra={"task": task, "error": str(error)})
