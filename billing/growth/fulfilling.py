"""What happens when an offer is accepted: apps above say it for the kinds they own."""

from collections.abc import Callable
from datetime import datetime

from accounts.models import User
from billing.growth.exceptions import OfferNotReady
from billing.growth.models import Decision, Offer

# Runs in the transaction of the acceptance; returns until when it is in force.
Fulfilment = Callable[[Decision, User], datetime | None]
_fulfilments: dict[str, Fulfilment] = {}


def fulfils(*kinds: str) -> Callable[[Fulfilment], Fulfilment]:
    """Have the decorated function fulfil offers of these kinds."""

    def register(fulfilment: Fulfilment) -> Fulfilment:
        for kind in kinds:
            _fulfilments[str(kind)] = fulfilment
        return fulfilment

    return register


# These lead to a page where the person goes on by themselves.
LEADING = frozenset(
    {
        Offer.Kind.PLAN,
        Offer.Kind.ANNUAL,
        Offer.Kind.TALK,
        Offer.Kind.OFFICE_HOUR,
        Offer.Kind.DOCS,
        Offer.Kind.STAY,
    }
)


def fulfil(decision: Decision, by: User) -> datetime | None:
    """Give what was accepted; return until when it is in force, if it ends.

    Raises ``OfferNotReady`` when nobody can fulfil it.
    """
    assert decision.offer is not None  # noqa: S101 - a constraint holds it
    if decision.offer.kind in LEADING:
        return None
    fulfilment = _fulfilments.get(decision.offer.kind)
    if fulfilment is None:
        raise OfferNotReady
    return fulfilment(decision, by)
