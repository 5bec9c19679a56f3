"""Cards that end before they pay again: told of while something can be done."""

from django.utils import timezone

from billing.subscriptions import notices
from billing.subscriptions.models import BillingAccount, Subscription


def remind_of_cards() -> int:
    """Tell of each card that ends with this month and pays for a plan that goes on.

    A card is told of once, however often this runs. Return how many end.
    """
    today = timezone.localdate()
    paying = (
        Subscription.objects.live()
        .with_plan()
        .filter(
            collection_method="charge_automatically",
            cancel_at_period_end=False,
            cancel_at=None,
            is_duplicate=False,
        )
    )
    ending = BillingAccount.objects.filter(
        card_exp_year=today.year,
        card_exp_month=today.month,
        organisation__in=paying.values("organisation"),
    )
    count = 0
    for account in ending.select_related("organisation").order_by("pk").iterator():
        notices.notify_card_ends(account)
        count += 1
    return count
