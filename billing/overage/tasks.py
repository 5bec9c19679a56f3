from celery import shared_task

from billing.overage import closing, comparing, sending, settling


@shared_task
def close_periods() -> None:
    """Close the periods that are over, and send what they are charged to Stripe."""
    settling.refuse_unapproved()
    closing.close_periods()
    sending.send_statements()


@shared_task
def check_charges() -> None:
    """Work every line out again, and compare it with Stripe's."""
    comparing.check_charges()
