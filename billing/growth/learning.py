"""What the engine learns at night: which offers work, and which lose money."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.growth import hints
from billing.growth.catalogue import renew_revision
from billing.growth.lift import Lift, experiment_lifts, offer_lift
from billing.growth.measuring import NOBODY, measure_offer
from billing.growth.models import (
    Cost,
    Decision,
    Experiment,
    Offer,
    OfferStop,
    Policy,
)
from billing.growth.stats import bandit
from core.money import NANO

logger = logging.getLogger(__name__)
# A quarter: long enough for payments to follow, short enough to notice a change.
MEMORY = timedelta(days=90)


def learn() -> int:
    """Give every policy that learns new probabilities; return how many it were."""
    policies = Policy.objects.filter(mode=Policy.Mode.BANDIT, retired_at=None)
    now = timezone.now()
    return sum(_learn(pk, now) for pk in list(policies.values_list("pk", flat=True)))


@transaction.atomic
def _learn(pk: int, now: datetime) -> int:
    policy = Policy.objects.select_for_update().get(pk=pk)
    entries = policy.entries.filter(offer__state=Offer.State.ACTIVE)
    offers = [entry.offer for entry in entries.select_related("offer")]
    arms = bandit.allowed(
        [_arm(policy, offer, now) for offer in offers],
        least_margin=(
            None
            if policy.least_margin_nano is None
            else policy.least_margin_nano / NANO
        ),
    )
    if not arms:
        # Nothing keeps its margin: decisions fall back on nothing, not on a loss.
        policy.shares = dict.fromkeys((offer.key for offer in offers), 0.0)
    else:
        floor = min(policy.floor, 1 / len(arms))
        shares = bandit.probabilities(arms, seed=_seed(policy, now), floor=floor)
        policy.shares = {offer.key: shares.get(offer.key, 0.0) for offer in offers}
    policy.learnt_at = now
    policy.save(update_fields=["shares", "learnt_at"])
    renew_revision()
    return 1


def _seed(policy: Policy, now: datetime) -> int:
    return policy.pk * 1_000_000 + now.date().toordinal()


def _arm(policy: Policy, offer: Offer, now: datetime) -> bandit.Arm:
    """Return what is known of an offer at the policy's moment."""
    made = Decision.objects.filter(
        moment=policy.moment, offer=offer, decided_at__gte=now - MEMORY
    )
    counts = made.aggregate(
        tried=Count("pk"), succeeded=Count("pk", filter=Q(paid_at__isnull=False))
    )
    spent = Cost.objects.filter(decision__in=made).aggregate(sum=Sum("amount_nano"))
    measured = measure_offer(offer.pk, now - MEMORY, now).get("treated", NOBODY)
    tried = counts["tried"]
    return bandit.Arm(
        key=offer.key,
        tried=tried,
        succeeded=counts["succeeded"],
        worth=measured.revenue / NANO / measured.payers if measured.payers else 1.0,
        cost=(spent["sum"] or 0) / NANO / tried if tried else 0.0,
        margin=measured.profit.mean,
        error=measured.profit.error_squared**0.5,
        margins=measured.units,
    )


def guard_margins() -> list[str]:
    """Stop offers and experiments that surely lose money; return what was stopped.

    The reading is valid at every look, so looking each night stops nothing by chance
    more often than one time in twenty for ever.
    """
    now = timezone.now()
    stopped = []
    for offer in Offer.objects.active().exclude(cost_nano=0).order_by("key"):
        read = offer_lift(offer, now - MEMORY, now)
        if read.is_losing and _stop_offer(offer, read):
            stopped.append(offer.key)
    for experiment in Experiment.objects.running().order_by("key"):
        if _is_losing(experiment, now):
            stop_experiment(
                experiment, outcome="A variant surely brought less than the control."
            )
            stopped.append(experiment.key)
    return stopped


def stop_experiment(
    experiment: Experiment, *, outcome: str, by: User | None = None
) -> bool:
    """Stop an experiment, so that its policy decides again; return whether it ran."""
    with transaction.atomic():
        stopped = Experiment.objects.filter(
            pk=experiment.pk, state=Experiment.State.RUNNING
        ).update(
            state=Experiment.State.STOPPED,
            stopped_at=timezone.now(),
            outcome=outcome[:300],
        )
        if stopped:
            renew_revision()
            audit.record(
                "experiment.stopped",
                actor=by,
                target=experiment.key,
                after={"outcome": outcome[:300]},
            )
    return bool(stopped)


def _is_losing(experiment: Experiment, now: datetime) -> bool:
    weights = weights_of(experiment)
    control = control_of(experiment)
    _, lifts = experiment_lifts(experiment, weights, control=control, end=now)
    return any(lift.is_losing for lift in lifts.values())


def weights_of(experiment: Experiment) -> dict[str, int]:
    """Return the weight of each variant, by its name."""
    variants = experiment.variants.order_by("pk")
    return dict(variants.values_list("name", "weight"))


def control_of(experiment: Experiment) -> str:
    """Return what variants are compared with: nothing, else the first of them."""
    variants = list(experiment.variants.order_by("pk"))
    nothing = [each.name for each in variants if each.offer_id is None]
    return nothing[0] if nothing else variants[0].name


@transaction.atomic
def _stop_offer(offer: Offer, read: Lift) -> bool:
    """Retire an offer and keep what was read; return whether it was active still."""
    claimed = Offer.objects.filter(pk=offer.pk, state=Offer.State.ACTIVE).update(
        state=Offer.State.RETIRED
    )
    estimate = read.profit.estimate
    if not claimed or estimate is None:
        return False
    OfferStop.objects.create(
        offer=offer,
        low_nano=round(estimate.low * NANO),
        value_nano=round(estimate.value * NANO),
        high_nano=round(estimate.high * NANO),
        currency=settings.REPORTING_CURRENCY,
        treated=read.treated.units,
        kept=read.control.units,
    )
    hints.withdraw_hints_of(offer)
    renew_revision()
    audit.record(
        "offer.stopped_by_guardrail",
        actor=None,
        target=offer.key,
        after={"reason": "It surely brings less than it costs."},
    )
    logger.warning("growth.offer_stopped", extra={"offer": offer.key})
    return True
