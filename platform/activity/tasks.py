from celery import shared_task
from redis.exceptions import RedisError

from activity import services


@shared_task
def flush_buffer() -> None:
    """Write down what was noted since the last time."""
    try:
        services.flush_buffer()
    except RedisError:
        # The next run finds what is still there.
        return


@shared_task
def ensure_partitions() -> None:
    """Have the coming months' partitions ready."""
    services.ensure_partitions()
