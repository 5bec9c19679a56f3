"""What would fit a buyer who is about to leave; growth decides whether it is offered.

An offer never stands between a person and the end of their plan: it is shown once,
beside the button.
"""

from dataclasses import dataclass

from django.utils import timezone

from accounts.models import User
from billing.growth.deciding import DecisionUnit
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.growth.services import record_exposure
from billing.growth.surfaces import Surface
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


def offer_instead(situation: Situation, *, by: User) -> Alternative | None:
    """Return what is offered to a leaving buyer, if anything; seen when it is shown.

    Asked again the same day for the same reason, it is the same.
    """
    found = fitting(situation)
    if found is None:
        return None
    organisation_id = situation.subscription.organisation_id
    decided = occur(
        Moment.LEAVING,
        DecisionUnit(organisation_id, by.pk),
        occasion=f"{timezone.now():%Y-%m-%d} {situation.reason} {by.pk}",
        context={"reason": situation.reason},
        fits={f"stay_{found.kind}"},
    )
    if decided.offer_id is None:
        return None
    record_exposure(decided.uuid, user=by, surface=Surface.CANCEL)
    return found


def fitting(situation: Situation) -> Alternative | None:
    """Return what fits what was said, if anything does."""
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
