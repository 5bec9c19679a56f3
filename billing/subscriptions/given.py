"""Trials that were offered and accepted: a plan without payment, with an end."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from billing.growth.exceptions import OfferNotReady
from billing.growth.fulfilling import fulfils
from billing.growth.models import Decision, Offer
from billing.plans.exceptions import PlanNotOnOffer
from billing.plans.queries import offer_for
from billing.subscriptions.granting import grant_plan

# A team trial is to be tried together, by the few who decide.
TRIAL_SEATS = 5


@fulfils(Offer.Kind.PREMIUM_TRIAL, Offer.Kind.TEAM_TRIAL)
def give_trial(decision: Decision, by: User) -> datetime:
    """Grant the plan of an accepted trial; return when it ends.

    Raises ``OfferNotReady`` when that plan is not on offer any more.
    """
    offer = decision.offer
    assert offer is not None  # noqa: S101 - it was accepted
    try:
        version = offer_for(offer.plan).version
    except PlanNotOnOffer as error:
        raise OfferNotReady from error
    ends_at = timezone.now() + timedelta(days=offer.days)
    grant_plan(
        decision.organisation,
        version=version,
        by=by,
        reason=f"Offer {offer.key}",
        seats=version.fitting_seats(TRIAL_SEATS) if version.is_per_seat else 1,
        ends_at=ends_at,
    )
    return ends_at
