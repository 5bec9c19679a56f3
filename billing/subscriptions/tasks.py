from celery import shared_task

from billing.subscriptions import cards, granting, reconciliation, services, trials


@shared_task
def expire_grants() -> None:
    """End grace periods and grants whose time has come; close what gave way."""
    services.expire_grace()
    granting.expire_staff_grants()
    services.close_checkouts()


@shared_task
def remind_of_trials() -> None:
    """Tell of trials that end soon."""
    trials.remind_of_trials()


@shared_task
def remind_of_cards() -> None:
    """Tell of cards that end with this month."""
    cards.remind_of_cards()


@shared_task
def close_checkouts(organisation_id: int) -> None:
    """Close the sessions of an organisation's checkouts that gave way to a plan."""
    services.close_checkouts(organisation_id)


@shared_task
def reconcile() -> None:
    """Compare our copies with Stripe's and put right what differs."""
    with reconciliation.exclusively() as is_ours:
        if is_ours:
            for _ in reconciliation.run():
                pass
