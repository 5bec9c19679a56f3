from celery import shared_task

from knowledge import services


@shared_task
def rebuild() -> None:
    """Make the graph anew from everything that is known tonight."""
    services.rebuild_graph()
