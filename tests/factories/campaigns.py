"""Campaigns as small as they can be."""

from typing import Any

from django.utils import timezone

from billing.growth.models import Campaign, CampaignStep, Offer


def campaign_of(
    *steps: dict[str, Any], key: str = "welcome", is_started: bool = True, **fields: Any
) -> Campaign:
    """Return a campaign of whom the third answer is accepted, with these steps."""
    values: dict[str, Any] = {"purpose": "People who help buy.", **fields}
    if "segment_query" not in values:
        values.setdefault("moment", "third_answer")
    if is_started:
        values |= {"state": Campaign.State.RUNNING, "started_at": timezone.now()}
    campaign = Campaign.objects.create(key=key, **values)
    CampaignStep.objects.bulk_create(
        CampaignStep(campaign=campaign, rank=rank, **step)
        for rank, step in enumerate(steps, 1)
    )
    return campaign


def offer_step(offer: Offer, surface: str = "") -> dict[str, Any]:
    return {"kind": "offer", "offer": offer, "surface": surface}


def wait(hours: int) -> dict[str, Any]:
    return {"kind": "wait", "hours": hours}


def only_if(condition: str) -> dict[str, Any]:
    return {"kind": "condition", "condition": condition}
