"""What a buyer who is about to leave is offered instead: one decision, made here.

An engine that decides better one day, from what is known of an organisation, replaces
``decide`` and nothing else. An offer never stands between a person and the end of
their plan: it is shown once, beside the button.
"""

from dataclasses import dataclass

from billing.plans.models import Plan
from billing.plans.queries import offers
from billing.subscriptions.models import Cancellation, Subscription

Reason = Cancellation.Reason

COSTS = {Reason.TOO_EXPENSIVE, Reason.UNUSED}
HELP = {
    Reason.MISSING_FEATURES,
    Reason.TOO_COMPLEX,
    Reason.LOW_QUALITY,
    Reason.SUPPORT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known when a buyer says why they leave."""

    subscription: Subscription
    reason: str
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Something else than the end; ``kind`` says which words and which page.

    ``fewer_seats`` and ``smaller_plan`` lead to the change page with ``plan``,
    ``interval`` and ``seats`` chosen, ``yearly`` too; ``talk`` to a person.
    """

    kind: str
    plan: str = ""
    interval: str = ""
    seats: int = 0


def decide(situation: Situation) -> Alternative | None:
    """Return what to offer, if anything fits what was said."""
    if situation.reason in COSTS:
        return _something_cheaper(situation)
    if situation.reason in HELP:
        return Alternative(kind="talk")
    return None


def _something_cheaper(situation: Situation) -> Alternative | None:
    subscription = situation.subscription
    price = subscription.price
    if price is None:
        return None
    version = price.plan_version
    enough = version.fitting_seats(situation.members)
    if version.is_per_seat and enough < subscription.seats:
        return Alternative(
            kind="fewer_seats",
            plan=version.plan.key,
            interval=price.interval,
            seats=enough,
        )
    smaller = [
        offer
        for offer in offers()
        if offer.plan.tier_rank < version.plan.tier_rank
        and offer.version.is_bought_online
        and offer.plan.edition == Plan.Edition.PREMIUM
        and price.interval in offer.prices
    ]
    if smaller:
        best = smaller[-1]
        return Alternative(
            kind="smaller_plan",
            plan=best.plan.key,
            interval=price.interval,
            seats=best.version.fitting_seats(situation.members),
        )
    has_year = any(
        offer.plan == version.plan and "year" in offer.prices for offer in offers()
    )
    if price.interval == "month" and has_year:
        return Alternative(
            kind="yearly",
            plan=version.plan.key,
            interval="year",
            seats=subscription.seats,
        )
    return None
