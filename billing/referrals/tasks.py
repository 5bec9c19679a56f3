from celery import shared_task

from billing.referrals import services


@shared_task
def reward_due() -> None:
    """Reward what has waited long enough."""
    services.reward_due()


@shared_task
def prune_traces() -> None:
    """Erase what told browsers and networks apart."""
    services.prune_traces()
