from celery import shared_task

from billing.subscriptions import reconciliation, services


@shared_task
def expire_grants() -> None:
    """End grace periods and staff grants whose time has come."""
    services.expire_grace()
    services.expire_staff_grants()


@shared_task
def reconcile() -> None:
    """Compare our copies with Stripe's and put right what differs."""
    with reconciliation.exclusively() as is_ours:
        if is_ours:
            for _ in reconciliation.run():
                pass
