"""What came of a campaign: who was in it, step by step, and its lift."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils import timezone

from billing.growth.lift import Lift, campaign_lift
from billing.growth.models import (
    Campaign,
    CampaignStep,
    Cost,
    Decision,
    Enrolment,
)

Reason = Decision.Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """What one step's decisions came to; zeros of a step that offers nothing."""

    step: CampaignStep
    decided: int = 0
    offered: int = 0
    held_out: int = 0
    seen: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFigures:
    """A campaign until now; ``cost_nano`` is in billionths of a US dollar.

    ``exposed`` are organisations that saw at least one of its offers.
    """

    entered: int
    going: int
    exposed: int
    accepted: int
    cost_nano: int
    ends: list[tuple[Enrolment.End, int]]
    steps: list[StepFigures]
    lift: Lift


def figures_of(campaign: Campaign) -> CampaignFigures:
    """Return what came of a campaign, in six queries whatever its size."""
    until: datetime = campaign.stopped_at or timezone.now()
    made = Decision.objects.filter(step__campaign_id=campaign.pk)
    reached = made.aggregate(
        exposed=Count("organisation", filter=Q(seen_at__isnull=False), distinct=True),
        accepted=Count(
            "organisation", filter=Q(accepted_at__isnull=False), distinct=True
        ),
    )
    spent = Cost.objects.filter(decision__step__campaign_id=campaign.pk)
    counts = dict(
        Enrolment.objects.filter(campaign=campaign)
        .values_list("ended_as")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return CampaignFigures(
        entered=sum(counts.values()),
        going=counts.get("", 0),
        exposed=reached["exposed"],
        accepted=reached["accepted"],
        cost_nano=spent.aggregate(sum=Sum("amount_nano"))["sum"] or 0,
        ends=[
            (end, counts[end.value]) for end in Enrolment.End if counts.get(end.value)
        ],
        steps=_steps(campaign),
        lift=campaign_lift(campaign, until),
    )


def _steps(campaign: Campaign) -> list[StepFigures]:
    kept = set(Decision.COMPARED) - {Reason.OFFERED}
    rows = (
        Decision.objects.filter(step__campaign_id=campaign.pk)
        .values("step_id")
        .annotate(
            decided=Count("pk"),
            offered=Count("pk", filter=Q(reason=Reason.OFFERED)),
            held_out=Count("pk", filter=Q(reason__in=kept)),
            seen=Count("seen_at"),
            accepted=Count("accepted_at"),
        )
        .order_by()
    )
    found = {row["step_id"]: row for row in rows}
    return [
        _step_figures(step, found.get(step.pk))
        for step in campaign.steps.select_related("offer").order_by("rank")
    ]


def _step_figures(step: CampaignStep, row: Mapping[str, Any] | None) -> StepFigures:
    if row is None:
        return StepFigures(step=step)
    return StepFigures(
        step=step,
        decided=row["decided"],
        offered=row["offered"],
        held_out=row["held_out"],
        seen=row["seen"],
        accepted=row["accepted"],
    )
