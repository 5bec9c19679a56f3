from celery import shared_task

from billing.forecast import services


@shared_task
def replace_forecast() -> None:
    """Write what is expected after the last month that is over."""
    services.replace_forecast()
