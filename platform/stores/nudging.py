"""Waking a worker for a row that waits, once the row is committed."""

import logging
from functools import lru_cache, partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import ProducerPool

from core.breaker import Breaker
from stores.redis import REST, TIMEOUT

logger = logging.getLogger(__name__)

# Requests publish over connections of their own: a worker's may wait longer.
TRANSPORT = {
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": TIMEOUT,
    # Not ``retry=False`` but these end the client's own tries: six seconds of them.
    "max_retries": 0,
    "connect_retries_timeout": TIMEOUT,
}
# More nudges than this at one moment wait for each other, as long as for an answer.
CONNECTIONS = 10


@lru_cache(maxsize=1)
def breaker() -> Breaker:
    """Return the process's memory of whether the broker answers."""
    return Breaker(
        "broker",
        rest=REST,
        refusal=lambda: OperationalError("The broker did not answer just now."),
    )


def nudge_after_commit(task: str, *keys: int | str, queue: str | None = None) -> None:
    """Have a worker run ``task`` on the row that ``keys`` name after the commit.

    ``queue`` is where, if not where the settings send every run of the task.
    Best effort: the row is what counts. When the broker cannot be reached, the sweep
    that belongs to the task finds the row some seconds later.
    """
    # Robust: what is committed stays true even when the nudge fails.
    transaction.on_commit(partial(_send, task, keys, queue), robust=True)


def _send(task: str, keys: tuple[int | str, ...], queue: str | None) -> None:
    try:
        with (
            breaker().asking(OperationalError),
            _producers().acquire(block=True, timeout=TIMEOUT) as producer,
        ):
            current_app.send_task(
                task, keys, producer=producer, retry=False, queue=queue
            )
    except (OperationalError, LimitExceeded) as error:
        logger.warning("nudge.failed", extra={"task": task, "error": str(error)})


@lru_cache(maxsize=1)
def _producers() -> ProducerPool:
    connection = current_app.connection_for_write(transport_options=TRANSPORT)
    return ProducerPool(connections=connection.Pool(CONNECTIONS), limit=CONNECTIONS)
