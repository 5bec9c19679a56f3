from celery import shared_task

from analytics import digests, watching
from analytics import feed as feeding

# A run ends within the minutes a task may take; the next one goes on where it ended.
MOST_BATCHES = 20


@shared_task
def feed() -> None:
    """Bring the read side up to the log; another run that is at it is left to it."""
    feeding.feed(most_batches=MOST_BATCHES)


@shared_task
def judge_watches() -> None:
    """Judge yesterday of every watched series, once the read side has all of it."""
    watching.judge_watches()


@shared_task
def send_digests() -> None:
    """Mail each dashboard to its readers, on Monday morning or as soon after."""
    digests.send_digests()
