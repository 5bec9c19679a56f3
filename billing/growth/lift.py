"""Treated against holdout: what the offers moved in α, c and π.

``read`` compares two measured arms. Every reading is valid however often it is looked
at, and hidden while the split is off: what made it so may have made the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.conf import settings

from billing.growth.measuring import (
    NOBODY,
    Measured,
    measure_campaign,
    measure_engine,
    measure_experiment,
    measure_offer,
)
from billing.growth.models import Campaign, Decision, Experiment, Offer
from billing.growth.stats import cuped, sequential, srm
from billing.growth.stats.sequential import Reading
from core.money import NANO, minor_per_unit

# Two points of α are the smallest change of it anybody would act on.
TAU_SHARE = 0.02
# A unit of money for each organisation offered something: what an offer has to earn.
TAU_MONEY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """One arm against another; ``is_off`` hides the readings behind a banner.

    ``share`` is in α, ``cost`` and ``profit`` in units of money for each organisation;
    ``profit`` has what was known of the units before taken out of it.
    """

    treated: Measured
    control: Measured
    split_p: float
    share: Reading
    cost: Reading
    profit: Reading

    @property
    def is_off(self) -> bool:
        return self.split_p < srm.ALARM

    @property
    def is_losing(self) -> bool:
        """Tell whether the treated surely bring less than the others."""
        estimate = self.profit.estimate
        return not self.is_off and estimate is not None and estimate.high < 0


@dataclass(frozen=True, slots=True)
class LiftSum:
    """What the treated brought beyond the others, in minor units: it adds up exactly.

    π = revenue − offers − usage, each rounded to a minor unit before they are added,
    so that the page can be checked with a pencil.
    """

    revenue: int
    offers: int
    usage: int

    @property
    def profit(self) -> int:
        return self.revenue - self.offers - self.usage


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLift:
    """An offer with its lift and what it brought beyond whom it was kept from."""

    offer: Offer
    lift: Lift
    bridge: LiftSum


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLifts:
    """All offers together in a range, and each that was chosen in it."""

    engine: Lift
    bridge: LiftSum
    offers: list[OfferLift]


def lifts_between(start: datetime, end: datetime) -> EngineLifts:
    """Return the lift of the engine and of each of its offers, by their keys.

    One statement for the engine and one for each offer.
    """
    minor = minor_per_unit(settings.REPORTING_CURRENCY)
    engine = engine_lift(start, end)
    chosen = Decision.objects.filter(
        decided_at__gte=start, decided_at__lt=end, intended__isnull=False
    )
    offers = []
    for offer in Offer.objects.filter(pk__in=chosen.values("intended")).order_by("key"):
        found = offer_lift(offer, start, end)
        offers.append(
            OfferLift(offer=offer, lift=found, bridge=bridge(found, minor=minor))
        )
    return EngineLifts(engine=engine, bridge=bridge(engine, minor=minor), offers=offers)


def engine_lift(start: datetime, end: datetime) -> Lift:
    """Compare everybody who was treated with the permanent holdout."""
    arms = measure_engine(start, end)
    treated, control = arms.get("treated", NOBODY), arms.get("holdout", NOBODY)
    # Who belongs to several teams is held out more often, so each counts by its chance.
    held = treated.held_chance + control.held_chance
    units = treated.units + control.units
    return read(treated, control, expected=(units - held, held))


def offer_lift(offer: Offer, start: datetime, end: datetime) -> Lift:
    """Compare whom an offer was made to with whom it was kept from."""
    arms = measure_offer(offer.pk, start, end)
    treated, control = arms.get("treated", NOBODY), arms.get("holdout", NOBODY)
    units = treated.units + control.units
    engine = treated.held_chance + control.held_chance
    held = engine + (units - engine) * offer.holdout_percent / 100
    return read(treated, control, expected=(units - held, held))


def campaign_lift(campaign: Campaign, end: datetime) -> Lift:
    """Compare whom a campaign was meant for with its own holdout, since its start."""
    if campaign.started_at is None:
        return read(NOBODY, NOBODY, expected=(0, 0))
    arms = measure_campaign(campaign.pk, campaign.started_at, end)
    treated, control = arms.get("treated", NOBODY), arms.get("holdout", NOBODY)
    units = treated.units + control.units
    held = units * campaign.holdout_percent / 100
    return read(treated, control, expected=(units - held, held))


def experiment_lifts(
    experiment: Experiment, weights: dict[str, int], *, control: str, end: datetime
) -> tuple[float, dict[str, Lift]]:
    """Compare each variant with one of them; return the p of the split as well."""
    if experiment.started_at is None:
        return 1.0, {}
    arms = measure_experiment(experiment.key, experiment.started_at, end)
    counts = [arms.get(name, NOBODY).units for name in weights]
    split_p = srm.mismatch_p(counts, list(weights.values()))
    tau = sequential.tau_for(experiment.smallest)
    return split_p, {
        name: _compare(
            arms.get(name, NOBODY), arms.get(control, NOBODY), split_p, tau=tau
        )
        for name in weights
        if name != control
    }


def read(treated: Measured, control: Measured, *, expected: Sequence[float]) -> Lift:
    """Compare two arms whose split was expected to be so."""
    is_split = min(expected) > 0
    split_p = (
        srm.mismatch_p((treated.units, control.units), expected) if is_split else 1.0
    )
    return _compare(treated, control, split_p, tau=TAU_SHARE)


def bridge(lift: Lift, *, minor: int) -> LiftSum:
    """Return what the treated brought beyond as many of the others.

    ``minor`` is how many minor units make one unit of the currency. Without anybody to
    compare with nothing is known to be due to the offers but their cost.
    """
    treated, control = lift.treated, lift.control
    scale = Fraction(treated.units, control.units) if control.units else None

    def beyond(ours: int, theirs: int) -> int:
        if scale is None:
            return 0
        return round((ours - theirs * scale) * minor / NANO)

    return LiftSum(
        revenue=beyond(treated.revenue, control.revenue),
        offers=round(Fraction(treated.offer_cost * minor, NANO)),
        usage=beyond(treated.other_usage, control.other_usage),
    )


def _compare(
    treated: Measured, control: Measured, split_p: float, *, tau: float
) -> Lift:
    ours, theirs = cuped.adjust([treated.pairs, control.pairs])
    return Lift(
        treated=treated,
        control=control,
        split_p=split_p,
        share=sequential.read(treated.paying, control.paying, tau=tau),
        cost=sequential.read(treated.cost, control.cost, tau=TAU_MONEY),
        profit=sequential.read(ours, theirs, tau=TAU_MONEY),
    )
