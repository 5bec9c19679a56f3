from celery import shared_task

from inference.budgets import services


@shared_task
def check_budgets() -> None:
    """Tell what this month's usage has newly reached."""
    services.check_budgets()
