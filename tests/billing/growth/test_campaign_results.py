"""What came of a campaign: against whom it was kept from, and nobody else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation
from billing.growth.campaigns.enrolling import enrol
from billing.growth.campaigns.results import figures_of
from billing.growth.lift import engine_lift, offer_lift
from billing.growth.models import (
    Campaign,
    CampaignStep,
    Cost,
    Decision,
    Enrolment,
    Offer,
)
from billing.growth.moments import Moment
from tests.billing.growth.conftest import make_offer
from tests.billing.growth.past import decided, pay
from tests.factories.campaigns import campaign_of, offer_step, wait

pytestmark = pytest.mark.django_db
Crowd = Callable[[int], list[Organisation]]
NOW = timezone.now()
THEN = NOW - timedelta(days=20)
START = NOW - timedelta(days=30)


@pytest.fixture
def campaign(catalogue: None) -> Campaign:
    made = campaign_of(
        offer_step(make_offer("credit", cost_nano=10**7, budget_nano=10**12)),
        wait(24),
        offer_step(make_offer("talk")),
        holdout_percent=20,
    )
    Campaign.objects.update(started_at=START)
    made.refresh_from_db()
    return made


def take(
    campaign: Campaign, rank: int, units: list[Organisation], reason: str, **more: Any
) -> list[Decision]:
    step = CampaignStep.objects.get(campaign=campaign, rank=rank)
    offer = step.offer
    return decided(
        units,
        reason,
        offer,
        at=more.pop("at", THEN),
        made=offer if reason == "offered" else None,
        moment=Moment.CAMPAIGN,
        step=step,
        occasion=f"campaign {campaign.pk}:{rank}:0",
        **more,
    )


def test_a_planted_lift_is_found_with_its_interval_against_its_own_holdout(
    campaign: Campaign, crowd: Crowd
) -> None:
    meant, kept, forever, spared = (crowd(n) for n in (760, 200, 100, 40))
    take(campaign, 1, meant, "offered")
    take(campaign, 1, spared, "offer_holdout")
    take(campaign, 1, kept, "campaign_holdout")
    take(campaign, 1, forever, "holdout")
    after = THEN + timedelta(days=1)
    # 20 % of the 800 it was meant for against 5 % of the 200; nobody of the others.
    pay(meant[:160], 2_000, at=after)
    pay(kept[:10], 2_000, at=after)

    lift = figures_of(campaign).lift

    assert not lift.is_off
    assert (lift.treated.units, lift.control.units) == (800, 200)
    assert lift.share.is_significant
    estimate = lift.share.estimate
    assert estimate is not None
    assert estimate.value == pytest.approx(0.15)
    assert estimate.low < 0.15 < estimate.high
    assert estimate.low > 0


def test_without_an_effect_nothing_is_found(campaign: Campaign, crowd: Crowd) -> None:
    meant, kept = crowd(800), crowd(200)
    take(campaign, 1, meant, "offered")
    take(campaign, 1, kept, "campaign_holdout")
    pay([*meant[:80], *kept[:20]], 2_000, at=THEN + timedelta(days=1))

    lift = figures_of(campaign).lift

    assert not lift.share.is_significant
    assert lift.share.estimate is not None
    assert lift.share.estimate.low < 0 < lift.share.estimate.high


def test_a_split_that_is_off_is_said(campaign: Campaign, crowd: Crowd) -> None:
    take(campaign, 1, crowd(800), "offered")
    take(campaign, 1, crowd(120), "campaign_holdout")

    assert figures_of(campaign).lift.is_off


def test_a_unit_counts_once_from_its_first_step(
    campaign: Campaign, crowd: Crowd
) -> None:
    units = crowd(3)
    take(campaign, 1, units, "offered")
    take(campaign, 3, units, "cap", at=THEN + timedelta(days=1))
    take(campaign, 3, crowd(2), "offered", at=THEN + timedelta(days=1))

    assert figures_of(campaign).lift.treated.units == 5


def test_whom_a_campaign_keeps_out_says_nothing_of_the_offer_alone(
    campaign: Campaign, crowd: Crowd
) -> None:
    offer = Offer.objects.get(key="credit")
    Offer.objects.filter(pk=offer.pk).update(holdout_percent=10)
    offer.refresh_from_db()
    take(campaign, 1, crowd(810), "offered")
    take(campaign, 1, crowd(90), "offer_holdout")
    take(campaign, 1, crowd(225), "campaign_holdout")
    take(campaign, 1, crowd(100), "holdout")

    of_offer, of_engine = offer_lift(offer, START, NOW), engine_lift(START, NOW)

    assert (of_offer.treated.units, of_offer.control.units) == (810, 190)
    assert not of_offer.is_off
    # All of them were in the engine's hands; for ever is for ever.
    assert (of_engine.treated.units, of_engine.control.units) == (1125, 100)


def test_the_result_counts_who_was_reached_and_what_it_cost(
    campaign: Campaign, crowd: Crowd
) -> None:
    units = crowd(6)
    enrol(campaign, dict.fromkeys(each.pk for each in units), at=THEN)
    campaign.enrolments.filter(organisation=units[0]).update(
        ended_at=NOW, ended_as="converted"
    )
    first = take(campaign, 1, units[:4], "offered")
    take(campaign, 1, units[4:], "campaign_holdout")
    seen = [each.pk for each in first[:2]]
    Decision.objects.filter(pk__in=seen).update(seen_at=NOW)
    Decision.objects.filter(pk=seen[0]).update(accepted_at=NOW)
    # The second step reaches one of them again: it is still one organisation.
    again = take(campaign, 3, units[:1], "offered", at=THEN + timedelta(days=2))
    Decision.objects.filter(pk=again[0].pk).update(seen_at=NOW)
    Cost.objects.create(
        decision=first[0],
        offer_id=first[0].offer_id or 0,
        kind=Cost.Kind.CREDITS,
        amount_nano=7_000_000,
        reference="credits:1",
    )

    with CaptureQueriesContext(connection) as queries:
        found = figures_of(campaign)

    assert len(queries) == 6
    assert (found.entered, found.going, found.exposed, found.accepted) == (6, 5, 2, 1)
    assert found.cost_nano == 7_000_000
    assert found.ends == [(Enrolment.End.CONVERTED, 1)]
    figures = [
        (each.step.rank, each.decided, each.offered, each.held_out, each.seen)
        for each in found.steps
    ]
    assert figures == [(1, 6, 4, 2, 2), (2, 0, 0, 0, 0), (3, 1, 1, 0, 1)]
