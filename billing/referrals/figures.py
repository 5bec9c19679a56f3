"""How far referrals came, and what they cost. One aggregate."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from billing.referrals.models import Referral
from billing.referrals.terms import REWARD_NANO


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralFigures:
    """Counts of people; ``cost_nano`` is what was given, in billionths of a dollar.

    Credit that was taken back is not in it, whether it was used or not.
    """

    joined: int
    paid: int
    undecided: int
    rewarded: int

    @property
    def cost_nano(self) -> int:
        return 2 * REWARD_NANO * self.rewarded


def referral_figures(referrals: QuerySet[Referral]) -> ReferralFigures:
    """Return how many came how far."""
    counts = referrals.aggregate(
        joined=Count("pk"),
        paid=Count("paid_at"),
        undecided=Count("pk", filter=Q(held_at__isnull=False, decided_at=None)),
        rewarded=Count("rewarded_at"),
    )
    return ReferralFigures(**counts)
