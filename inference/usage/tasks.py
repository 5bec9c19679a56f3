from celery import shared_task

from inference.usage import figures, services


@shared_task
def publish_first_calls() -> None:
    """Tell of people who made their first call."""
    services.publish_first_calls()


@shared_task
def measure_models() -> None:
    """Measure how models do, for the catalogue."""
    figures.measure_models()


@shared_task
def report_hours() -> None:
    """Tell what was used since the last report."""
    services.report_hours()
