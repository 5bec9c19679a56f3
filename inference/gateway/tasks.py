from celery import shared_task
from redis.exceptions import RedisError

from inference.gateway import comparing, refusals, sweeping


@shared_task
def sweep() -> None:
    """Settle what a killed gateway left behind."""
    try:
        sweeping.sweep()
    except RedisError:
        # Without Redis there is nothing to sweep.
        return


@shared_task
def compare() -> None:
    """Prove our sums, and hold them against those of the models' servers."""
    comparing.check_sums()
    comparing.compare_all()


@shared_task
def publish_refusals() -> None:
    """Tell which organisations a plan could have helped."""
    refusals.flush()
