"""Who enters a campaign, and who is out of it before the last step."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from analytics.engines.protocol import NoAnswer
from billing.growth.campaigns.audience import Units, audience_of
from billing.growth.exceptions import SegmentUnreadable
from billing.growth.models import Campaign, Decision, Enrolment
from billing.growth.models.campaigns import EnrolmentQuerySet
from billing.ledger.models import Invoice
from core.clock import reporting_day

logger = logging.getLogger(__name__)
End = Enrolment.End
# As many rows as one statement writes in well under a second.
BATCH = 1_000


def refresh_campaigns() -> int:
    """Look at the audience of every campaign that is going; return who entered.

    While the read side is away nobody enters and nobody leaves: the next run sees them.
    """
    now = timezone.now()
    entered = 0
    for campaign in Campaign.objects.going(reporting_day(now)).order_by("pk"):
        try:
            entering, inside = audience_of(campaign)
        except (NoAnswer, SegmentUnreadable) as error:
            logger.warning(
                "growth.campaign_waits",
                extra={"campaign": campaign.key, "reason": error.code},
            )
            continue
        entered += enrol(campaign, entering, at=now)
        if inside is not None:
            end_left(campaign, inside, at=now)
        end_converted(campaign, at=now)
        Campaign.objects.filter(pk=campaign.pk).update(looked_at=now)
    stop_ended(now)
    return entered


def enrol(campaign: Campaign, units: Units, *, at: datetime) -> int:
    """Have units enter a campaign at its first step; return how many are new.

    Who went through it before does not enter again, however many runs try.
    """
    known = set(
        Enrolment.objects.filter(campaign=campaign).values_list(
            "organisation_id", flat=True
        )
    )
    Enrolment.objects.bulk_create(
        (
            Enrolment(
                campaign=campaign,
                organisation_id=pk,
                user_id=user_id,
                entered_at=at,
                next_at=at,
            )
            for pk, user_id in sorted(units.items())
            if pk not in known
        ),
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    return len(units.keys() - known)


def end_left(campaign: Campaign, inside: Units, *, at: datetime) -> int:
    """End it for who is not in its segment any more; return how many those are."""
    going = Enrolment.objects.open().filter(campaign=campaign)
    gone = [
        pk
        for pk, organisation_id in going.values_list("pk", "organisation_id")
        if organisation_id not in inside
    ]
    return sum(
        _end(Enrolment.objects.filter(pk__in=gone[start : start + BATCH]), End.LEFT, at)
        for start in range(0, len(gone), BATCH)
    )


def end_converted(campaign: Campaign, *, at: datetime) -> int:
    """End it for who has reached its goal; return how many those are."""
    return _end(
        Enrolment.objects.filter(reached_goal(campaign), campaign=campaign),
        End.CONVERTED,
        at,
    )


def reached_goal(campaign: Campaign) -> Q:
    """Return the condition of enrolments whose unit has reached the goal since.

    The first payment is the first there ever was: a renewal is no success of it.
    """
    if campaign.goal == Campaign.Goal.ACCEPTANCE:
        return Q(
            Exists(
                Decision.objects.filter(
                    organisation_id=OuterRef("organisation_id"),
                    step__campaign_id=campaign.pk,
                    accepted_at__isnull=False,
                )
            )
        )
    paid = Invoice.objects.paid().filter(organisation_id=OuterRef("organisation_id"))
    return Q(Exists(paid.filter(paid_at__gt=OuterRef("entered_at")))) & ~Q(
        Exists(paid.filter(paid_at__lte=OuterRef("entered_at")))
    )


@transaction.atomic
def stop_ended(now: datetime) -> None:
    """Stop the campaigns whose last day is over."""
    over = Campaign.objects.filter(
        state=Campaign.State.RUNNING, ends_on__lt=reporting_day(now)
    )
    for campaign in over.select_for_update().order_by("pk"):
        close_campaign(campaign, at=now)


def close_campaign(campaign: Campaign, *, at: datetime) -> None:
    """Stop a campaign for everybody in it; the caller holds its row."""
    campaign.state = Campaign.State.STOPPED
    campaign.stopped_at = at
    campaign.paused_at = None
    campaign.save(update_fields=["state", "stopped_at", "paused_at"])
    _end(Enrolment.objects.filter(campaign=campaign), End.STOPPED, at)


def _end(enrolments: EnrolmentQuerySet, end: Enrolment.End, at: datetime) -> int:
    return enrolments.open().update(ended_at=at, ended_as=end)
