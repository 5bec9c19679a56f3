from celery import shared_task

from search import indexing

# Of one run; the next one goes on. A worker that is told to stop waits this long.
SECONDS = 20.0


@shared_task
def embed_waiting() -> None:
    """Embed what was indexed since the last run."""
    indexing.embed_waiting(seconds=SECONDS)


@shared_task
def forget_unused() -> None:
    """Let go of vectors that nothing holds any more."""
    indexing.forget_unused()
