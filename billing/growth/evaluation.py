"""What another policy would have brought at a moment, from logged decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.growth.models import Decision, Offer
from billing.growth.stats.offpolicy import (
    Logged,
    PolicyValue,
    doubly_robust,
    inverse_propensity,
)

# Of more the interval hardly narrows, and each is a row in memory.
MOST = 20_000
# Below so many decisions' worth of weight, an estimate says nothing.
FEWEST = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """One offer made to everybody: the share that would have paid, estimated twice."""

    offer: Offer
    weighed: PolicyValue
    robust: PolicyValue

    @property
    def is_known(self) -> bool:
        return self.robust.effective >= FEWEST


def candidates(moment: str, start: datetime, end: datetime) -> list[Candidate]:
    """Return what each offer alone would have brought, in paid per decision.

    Only from decisions that left something to chance: of a policy that always chose the
    same, nothing is known of the rest.
    """
    rows = list(
        Decision.objects.filter(
            moment=moment,
            reason=Decision.Reason.OFFERED,
            propensity__lt=1,
            decided_at__gte=start,
            decided_at__lt=end,
        )
        .order_by("-decided_at", "-pk")
        .values_list("offer_id", "propensity", "paid_at")[:MOST]
    )
    tried: dict[int, list[float]] = {}
    for offer_id, _propensity, paid_at in rows:
        tried.setdefault(offer_id or 0, []).append(float(paid_at is not None))
    guesses = {key: sum(found) / len(found) for key, found in tried.items()}
    offers = Offer.objects.in_bulk(list(tried))
    return [
        _candidate(offers[offer_id], rows, guesses)
        for offer_id in sorted(tried, key=lambda pk: offers[pk].key)
    ]


def _candidate(
    offer: Offer,
    rows: Sequence[tuple[int | None, float, datetime | None]],
    guesses: dict[int, float],
) -> Candidate:
    log = [
        Logged(
            reward=float(paid_at is not None),
            propensity=propensity,
            target=float(offer_id == offer.pk),
            guess_logged=guesses[offer_id or 0],
            guess_target=guesses[offer.pk],
        )
        for offer_id, propensity, paid_at in rows
    ]
    return Candidate(offer, inverse_propensity(log), doubly_robust(log))
