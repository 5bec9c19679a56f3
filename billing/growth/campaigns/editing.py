"""Writing campaigns: what is started keeps its audience, its steps and its holdout."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.growth.campaigns.audience import segment_of
from billing.growth.campaigns.enrolling import close_campaign
from billing.growth.editing import check_version, free_name
from billing.growth.exceptions import (
    CampaignBegun,
    CampaignNotRunning,
    CampaignOver,
)
from billing.growth.models import Campaign, CampaignStep
from core.clock import reporting_day

State = Campaign.State


@transaction.atomic
def save_campaign(
    campaign: Campaign,
    *,
    steps: list[CampaignStep],
    by: User,
    version: int | None = None,
) -> Campaign:
    """Write a campaign that was not started yet, with its steps in their order.

    ``version`` is the one that was read; None replaces any. Raises ``CampaignBegun``,
    ``ChangedMeanwhile`` and ``KeyTaken``. Its row is locked, so that none is started
    meanwhile.
    """
    is_new = campaign.pk is None
    if not is_new:
        locked = _locked(campaign)
        if locked.state != State.DRAFT:
            raise CampaignBegun
        check_version(version, locked.version)
        campaign.version = locked.version + 1
    with free_name(Campaign.objects.filter(key=campaign.key), is_new=is_new):
        campaign.save()
    campaign.steps.all().delete()
    for rank, step in enumerate(steps, 1):
        step.campaign, step.rank = campaign, rank
    CampaignStep.objects.bulk_create(steps)
    audit.record(
        "campaign.created" if is_new else "campaign.changed",
        actor=by,
        target=campaign.key,
        after={
            "moment": campaign.moment,
            "segment": campaign.segment_name,
            "steps": [_told(step) for step in steps],
        },
    )
    return campaign


@transaction.atomic
def start_campaign(campaign: Campaign, *, by: User) -> None:
    """Have units enter a campaign, from its first day on.

    Raises ``CampaignBegun``, ``CampaignOver`` and ``SegmentUnreadable``.
    """
    locked = _locked(campaign)
    if locked.state != State.DRAFT:
        raise CampaignBegun
    now = timezone.now()
    if locked.ends_on is not None and locked.ends_on < reporting_day(now):
        raise CampaignOver
    if locked.segment_query:
        segment_of(locked.segment_query)
    locked.state, locked.started_at = State.RUNNING, now
    locked.save(update_fields=["state", "started_at"])
    audit.record("campaign.started", actor=by, target=locked.key)


@transaction.atomic
def pause_campaign(campaign: Campaign, *, by: User) -> None:
    """Have a campaign take no step and let nobody enter until it is resumed.

    What was offered already can be accepted. Raises ``CampaignNotRunning``.
    """
    locked = _locked_running(campaign)
    if locked.paused_at is not None:
        return
    locked.paused_at = timezone.now()
    locked.save(update_fields=["paused_at"])
    audit.record("campaign.paused", actor=by, target=locked.key)


@transaction.atomic
def resume_campaign(campaign: Campaign, *, by: User) -> None:
    """Have a paused campaign go on; whose wait is over meanwhile goes on at once.

    Raises ``CampaignNotRunning``.
    """
    locked = _locked_running(campaign)
    if locked.paused_at is None:
        return
    locked.paused_at = None
    locked.save(update_fields=["paused_at"])
    audit.record("campaign.resumed", actor=by, target=locked.key)


@transaction.atomic
def stop_campaign(campaign: Campaign, *, by: User) -> None:
    """End a campaign for good. Raises ``CampaignNotRunning``."""
    locked = _locked_running(campaign)
    close_campaign(locked, at=timezone.now())
    audit.record("campaign.stopped", actor=by, target=locked.key)


def _locked(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_for_update().get(pk=campaign.pk)


def _locked_running(campaign: Campaign) -> Campaign:
    locked = _locked(campaign)
    if locked.state != State.RUNNING:
        raise CampaignNotRunning
    return locked


def _told(step: CampaignStep) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": str(step.kind)}
    if step.offer is not None:
        told |= {"offer": step.offer.key, "surface": step.surface}
    if step.hours:
        told["hours"] = step.hours
    if step.condition:
        told["condition"] = step.condition
    return told
