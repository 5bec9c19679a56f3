"""Taking the steps that are due: each in a transaction of its own, once.

A worker takes an enrolment by its row's lock and passes by those that others hold. What
a step writes, the decision above all, commits together with the enrolment's next step:
a worker that dies has done nothing, and the next run finds the step due.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from billing.growth.campaigns.enrolling import reached_goal
from billing.growth.deciding import DecisionUnit, Proposal
from billing.growth.models import Campaign, CampaignStep, Decision, Enrolment
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.ledger.models import UsageCost
from core.clock import reporting_day

logger = logging.getLogger(__name__)
End, Reason, Kind = Enrolment.End, Decision.Reason, CampaignStep.Kind
# As many as a run looks for at once; a run ends when none is left.
BATCH = 500
# Who was offered something today can be offered something tomorrow.
AGAIN = timedelta(days=1)
# Of three offers in a week each day frees one; after that the step is passed over.
MOST_TRIES = 3
# A step that fails is tried so often, a little later each time.
MOST_FAILURES = 5
ENDS = {
    Reason.NO_CONSENT: End.UNSUBSCRIBED,
    Reason.EXCLUDED: End.EXCLUDED,
}


@dataclass(frozen=True, slots=True)
class _Next:
    """What follows a step: the rank to go on with, when, or how it ended."""

    rank: int = 0
    at: datetime | None = None
    tries: int = 0
    end: Enrolment.End | None = None


def take_due_steps() -> int:
    """Take every step that is due; return how many enrolments moved on.

    A step that fails is put off and the others go on.
    """
    moved = last = 0
    while due := _due(last):
        last = due[-1]
        for pk in due:
            try:
                moved += take_step(pk)
            except Exception:
                logger.exception("growth.campaign_step_failed", extra={"enrolment": pk})
                _put_off(pk)
    return moved


@transaction.atomic
def take_step(pk: int) -> bool:
    """Take the step an enrolment is at, if it is due; return whether it moved on.

    Its row is locked; one that another worker holds is left to it.
    """
    now = timezone.now()
    enrolment = (
        Enrolment.objects.open()
        .select_for_update(skip_locked=True)
        .filter(pk=pk, next_at__lte=now)
        .first()
    )
    if enrolment is None:
        return False
    # Read after the lock: what was paused or stopped a moment ago takes no step.
    going = Campaign.objects.going(reporting_day(now))
    campaign = going.filter(pk=enrolment.campaign_id).first()
    if campaign is None:
        return False
    _move(enrolment, _next(enrolment, campaign, now), now)
    return True


def _due(after: int) -> list[int]:
    """Return enrolments that are due, beyond a number: a run asks each of them once."""
    now = timezone.now()
    going = Campaign.objects.going(reporting_day(now))
    due = Enrolment.objects.open().filter(
        next_at__lte=now, campaign__in=going.values("pk"), pk__gt=after
    )
    return list(due.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _next(enrolment: Enrolment, campaign: Campaign, now: datetime) -> _Next:
    """Take steps up to the first that takes time; return what comes then."""
    reached = Enrolment.objects.filter(reached_goal(campaign), pk=enrolment.pk)
    if reached.exists():
        return _Next(end=End.CONVERTED)
    rank = enrolment.step
    for step in campaign.steps.select_related("offer").order_by("rank"):
        if step.rank < rank:
            continue
        if step.kind == Kind.WAIT:
            return _Next(step.rank + 1, now + timedelta(hours=step.hours))
        if step.kind == Kind.OFFER:
            # One offer is one step: what it does is committed before the next.
            return _offer(enrolment, campaign, step, now)
        if not _is_met(step, enrolment):
            return _Next(end=End.CONDITION)
        rank = step.rank + 1
    return _Next(end=End.COMPLETED)


def _offer(
    enrolment: Enrolment, campaign: Campaign, step: CampaignStep, now: datetime
) -> _Next:
    assert step.offer is not None  # noqa: S101 - a constraint holds it
    decided = occur(
        Moment.CAMPAIGN,
        DecisionUnit(enrolment.organisation_id, enrolment.user_id),
        occasion=f"campaign {campaign.pk}:{step.rank}:{enrolment.tries}",
        context={"step": step.rank},
        proposal=Proposal(
            campaign=campaign.key,
            step_id=step.pk,
            offer_key=step.offer.key,
            surface=step.surface,
            holdout_percent=campaign.holdout_percent,
        ),
    )
    end = ENDS.get(Reason(decided.reason))
    if end is not None:
        return _Next(end=end)
    if decided.reason == Reason.CAP and enrolment.tries + 1 < MOST_TRIES:
        return _Next(step.rank, now + AGAIN, enrolment.tries + 1)
    return _Next(step.rank + 1, now)


def _is_met(step: CampaignStep, enrolment: Enrolment) -> bool:
    condition = step.condition
    if condition in {step.Condition.USED, step.Condition.UNUSED}:
        used = UsageCost.objects.filter(
            organisation_id=enrolment.organisation_id, window__gt=enrolment.entered_at
        ).exists()
        return used == (condition == step.Condition.USED)
    made = Decision.objects.filter(
        organisation_id=enrolment.organisation_id, step__campaign_id=step.campaign_id
    )
    if condition == step.Condition.UNACCEPTED:
        return not made.filter(accepted_at__isnull=False).exists()
    last = made.filter(offer__isnull=False).order_by("-decided_at", "-pk").first()
    seen = last is not None and last.seen_at is not None
    return seen == (condition == step.Condition.SEEN)


def _move(enrolment: Enrolment, after: _Next, now: datetime) -> None:
    if after.end is not None:
        enrolment.ended_at, enrolment.ended_as = now, after.end
    else:
        assert after.at is not None  # noqa: S101 - what goes on has its time
        enrolment.step, enrolment.tries = after.rank, after.tries
        enrolment.next_at = after.at
    enrolment.save(update_fields=["step", "tries", "next_at", "ended_at", "ended_as"])


@transaction.atomic
def _put_off(pk: int) -> None:
    """Try a step that failed again later, and give up after some times."""
    enrolment = (
        Enrolment.objects.open().select_for_update(skip_locked=True).filter(pk=pk)
    ).first()
    if enrolment is None:
        return
    now = timezone.now()
    if enrolment.tries + 1 >= MOST_FAILURES:
        _move(enrolment, _Next(end=End.DEAD), now)
    else:
        later = now + timedelta(hours=2**enrolment.tries)
        _move(enrolment, _Next(enrolment.step, later, enrolment.tries + 1), now)
