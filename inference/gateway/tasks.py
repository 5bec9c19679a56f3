from celery import shared_task
from redis.exceptions import RedisError

from inference.gateway import sweeping


@shared_task
def sweep() -> None:
    """Settle what a killed gateway left behind."""
    try:
        sweeping.sweep()
    except RedisError:
        # Without Redis there is nothing to sweep.
        return
