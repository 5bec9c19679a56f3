"""The hint that a refusal of the gateway shows: written here, carried by entitlements.

The gateway never asks. It reads the hint with what it knows of an organisation anyway,
and only a refusal shows it: no hint changes a price, a limit or an answer.
"""

from django.conf import settings
from django.urls import reverse

from accounts.models import Membership, Organisation
from billing.growth.holdout import is_held_out
from billing.growth.models import Decision, Offer
from billing.growth.surfaces import Surface
from entitlements import services as entitlements


def show_hint(decision: Decision) -> None:
    """Have the gateway's refusals tell of an offer while it stands."""
    offer = decision.offer
    if offer is None or Surface.GATEWAY not in decision.surfaces:
        return
    if is_held_out(_teams_of_members(decision.organisation_id)):
        return
    assert decision.expires_at is not None  # noqa: S101 - every offer has an end
    address = reverse("growth:offer", args=[decision.uuid])
    entitlements.set_hint(
        decision.organisation_id,
        text_en=f"{offer.title_en}: {offer.body_en}",
        text_zh=f"{offer.title_zh}：{offer.body_zh}",
        url=f"{settings.SITE_URL}{address}?from={Surface.GATEWAY}",
        expires_at=decision.expires_at,
        reference=str(decision.uuid),
    )


def _teams_of_members(organisation_id: int) -> list[int]:
    """Return every team that a person of an organisation is in, itself included.

    A refusal is read by any of them, and one may be held out by another team.
    """
    members = Membership.objects.filter(organisation_id=organisation_id)
    teams = Membership.objects.filter(
        user_id__in=members.values("user_id"),
        organisation__kind=Organisation.Kind.TEAM,
    )
    return list(teams.values_list("organisation_id", flat=True).distinct())


def withdraw_hint(decision: Decision) -> None:
    """Have refusals tell of it no more."""
    entitlements.remove_hint(decision.organisation_id, reference=str(decision.uuid))


def withdraw_hints_of(offer: Offer) -> None:
    """Have refusals tell no more of an offer that is not made any more."""
    for decision in Decision.objects.standing().filter(offer=offer):
        withdraw_hint(decision)
