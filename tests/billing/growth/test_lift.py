"""Treated against holdout, from the ledger, to the cent."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation
from billing.growth import evaluation, learning
from billing.growth.deciding import DecisionUnit, decide, replay
from billing.growth.holdout import place
from billing.growth.lift import bridge, engine_lift, experiment_lifts, offer_lift
from billing.growth.models import (
    Cost,
    Decision,
    Experiment,
    Offer,
    Policy,
    Variant,
)
from billing.growth.moments import Moment
from tests.billing.growth.conftest import make_offer, put_in_force
from tests.billing.growth.past import decided, pay, use

pytestmark = pytest.mark.django_db
MOMENT = Moment.THIRD_ANSWER
NANO = 1_000_000_000


NOW = timezone.now()
THEN = NOW - timedelta(days=20)
START = NOW - timedelta(days=30)


def test_the_engine_is_what_the_treated_brought_beyond_the_held_out(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    offer = make_offer("trial", cost_nano=1, budget_nano=10**12)
    treated, held = crowd(900), crowd(100)
    made = decided(treated, "offered", offer, at=THEN, made=offer)
    decided(held, "holdout", offer, at=THEN)
    after = THEN + timedelta(days=1)
    # 18 % against 10 % pay $20.00; every treated one used for 3 cents in a trial and
    # for 1 cent besides, everybody held out for 1 cent.
    pay(treated[:162], 2_000, at=after)
    pay(held[:10], 2_000, at=after)
    use(treated, 40_000_000, at=after)
    use(held, 10_000_000, at=after)
    Cost.objects.bulk_create(
        Cost(
            decision=decision,
            offer=offer,
            kind=Cost.Kind.TRIAL_USAGE,
            amount_nano=30_000_000,
            reference=f"trial_usage:{decision.pk}",
        )
        for decision in made
    )

    with CaptureQueriesContext(connection) as queries:
        found = engine_lift(START, NOW)
    sums = bridge(found, minor=100)

    assert len(queries) == 1
    assert not found.is_off
    assert found.share.estimate is not None
    assert found.share.estimate.value == pytest.approx(0.08)
    # $3 240 of 900 against 9 times $200; 900 times 3 cents; usage is as it is outside.
    assert (sums.revenue, sums.offers, sums.usage) == (144_000, 2_700, 0)
    assert sums.profit == 141_300
    # The same, unit by unit: π of each treated less π of each held out.
    assert found.profit.estimate is not None
    plain = found.treated.profit.mean - found.control.profit.mean
    assert plain * 900 * 100 == pytest.approx(sums.profit)
    each = (162 * 20 - 900 * 0.04) / 900
    assert found.treated.profit.mean == pytest.approx(each)
    spread = np.array([20 - 0.04] * 162 + [-0.04] * 738)
    assert found.treated.profit.variance == pytest.approx(np.var(spread, ddof=1))


def test_money_from_before_other_currencies_and_what_went_back_do_not_count(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    offer = make_offer("talk")
    before, returned, other, again = (crowd(1) for _ in range(4))
    for group in (before, returned, other, again):
        decided(group, "offered", offer, at=THEN, made=offer)
    after = THEN + timedelta(days=1)
    pay(before, 500, at=THEN - timedelta(seconds=1))
    pay(returned, 700, at=after, returned=300)
    pay(other, 900, at=after, currency="eur")
    # A customer of before that pays on is revenue, and no new payer.
    pay(again, 100, at=THEN - timedelta(days=1))
    pay(again, 110, at=after)

    treated = engine_lift(START, NOW).treated

    assert treated.revenue == (400 + 110) * NANO // 100
    assert (treated.units, treated.new, treated.payers) == (4, 2, 2)


def test_a_unit_counts_in_the_arm_of_its_first_decision(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    offer = make_offer("talk")
    units = crowd(3)
    decided(units, "holdout", offer, at=THEN)
    Decision.objects.update(moment=Moment.COLLEAGUE)
    decided(units, "offered", offer, at=THEN + timedelta(days=2), made=offer)

    found = engine_lift(START, NOW)

    assert (found.treated.units, found.control.units) == (0, 3)


def test_a_split_that_is_off_hides_what_it_found(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    offer = make_offer("talk", holdout_percent=0)
    treated, held = crowd(900), crowd(50)
    decided(treated, "offered", offer, at=THEN, made=offer)
    decided(held, "holdout", offer, at=THEN)
    pay(treated[:300], 2_000, at=THEN + timedelta(days=1))

    found = offer_lift(offer, START, NOW)

    assert found.is_off
    assert not found.is_losing


def test_what_surely_loses_money_is_stopped_and_what_works_is_not(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    values = {"cost_nano": 30 * NANO, "budget_nano": 10**15, "holdout_percent": 44}
    good, weak, dear = (make_offer(key, **values) for key in ("good", "weak", "dear"))
    after = THEN + timedelta(days=1)
    for offer, payers in ((good, 120), (weak, 0), (dear, 0)):
        treated, kept = crowd(300), crowd(300)
        made = decided(treated, "offered", offer, at=THEN, made=offer)
        decided(kept, "offer_holdout", offer, at=THEN)
        pay(treated[:payers], 5_000, at=after)
        pay([*treated[-10:], *kept[-10:]], 5_000, at=after + timedelta(hours=1))
        if offer == dear:
            Cost.objects.bulk_create(
                Cost(
                    decision=decision,
                    offer=offer,
                    kind=Cost.Kind.CREDITS,
                    amount_nano=30 * NANO,
                    reference=f"credits:{decision.pk}",
                )
                for decision in made
            )

    stopped = learning.guard_margins()

    assert stopped == ["dear"]
    assert set(Offer.objects.active().filter(cost_nano__gt=0)) == {good, weak}
    found = {each: offer_lift(each, START, NOW) for each in (good, weak, dear)}
    assert found[good].share.is_significant
    assert not found[weak].share.is_significant
    assert not found[weak].is_losing
    assert learning.guard_margins() == []


def running(
    *variants: tuple[str, Offer | None], weights: dict[str, int] | None = None
) -> Experiment:
    experiment = Experiment.objects.create(
        key="words",
        moment=MOMENT,
        hypothesis="It works.",
        smallest=0.05,
        planned=100,
        state="running",
        started_at=START,
    )
    Variant.objects.bulk_create(
        Variant(
            experiment=experiment,
            name=name,
            offer=offer,
            weight=(weights or {}).get(name, 1),
        )
        for name, offer in variants
    )
    put_in_force(MOMENT, make_offer("usual"))
    return experiment


def test_a_running_experiment_gives_each_unit_its_variant_for_ever(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    a, b = make_offer("a"), make_offer("b")
    running(("control", None), ("a", a), ("b", b), weights={"control": 2})
    units = crowd(200)

    for unit in units:
        decide(MOMENT, DecisionUnit(unit.pk), occasion="1")
    Decision.objects.filter(offer__isnull=False).update(
        offered_on=THEN.date(), decided_at=THEN
    )
    for unit in units[:20]:
        decide(MOMENT, DecisionUnit(unit.pk), occasion="2")

    first = dict(
        Decision.objects.filter(occasion="1").values_list("organisation", "variant")
    )
    again = dict(
        Decision.objects.filter(occasion="2").values_list("organisation", "variant")
    )
    assert again == {pk: first[pk] for pk in again}
    shares = {name: list(first.values()).count(f"words:{name}") for name in "ab"}
    assert all(30 <= count <= 70 for count in shares.values())
    for decision in Decision.objects.select_related("offer"):
        assert replay(decision) == decision.variant
        assert decision.reason == ("offered" if decision.offer else "control")
    assert first[units[0].pk] == _variant_of(units[0].pk)


def _variant_of(pk: int) -> str:
    where = place("words", pk)
    if where < 0.25:
        return "words:a"
    return "words:b" if where < 0.5 else "words:control"


def test_who_cannot_be_offered_every_variant_is_in_none(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    trial = make_offer("t", kind=Offer.Kind.PREMIUM_TRIAL, plan="pro", days=7)
    running(("control", None), ("a", trial))
    units = crowd(10)
    pay(units[:5], 100, at=THEN)

    reasons = [
        decide(MOMENT, DecisionUnit(unit.pk), occasion="1").reason for unit in units
    ]

    assert reasons[:5] == ["no_offer"] * 5
    assert set(reasons[5:]) <= {"offered", "control"}


def test_an_experiment_finds_a_planted_rise_and_hides_behind_a_broken_split(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    offer = make_offer("a")
    experiment = running(("control", None), ("a", offer))
    control, treated = crowd(500), crowd(500)
    decided(control, "control", None, at=THEN, variant="words:control")
    decided(treated, "offered", offer, at=THEN, made=offer, variant="words:a")
    pay(control[:25], 1_000, at=THEN + timedelta(days=1))
    pay(treated[:100], 1_000, at=THEN + timedelta(days=1))
    weights = {"control": 1, "a": 1}

    split_p, lifts = experiment_lifts(experiment, weights, control="control", end=NOW)

    assert split_p == pytest.approx(1.0)
    found = lifts["a"].share.estimate
    assert found is not None
    assert found.low <= 0.15 <= found.high
    assert lifts["a"].share.is_significant
    decided(crowd(120), "offered", offer, at=THEN, made=offer, variant="words:a")
    _, lifts = experiment_lifts(experiment, weights, control="control", end=NOW)
    assert lifts["a"].is_off


def test_a_policy_learns_which_offer_works_and_drops_what_breaks_its_margin(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    good, weak, loss = (make_offer(key) for key in ("good", "weak", "loss"))
    policy = put_in_force(
        MOMENT, good, weak, loss, mode="bandit", floor=0.1, least_margin_nano=0
    )
    for offer, payers in ((good, 40), (weak, 4), (loss, 40)):
        units = crowd(100)
        made = decided(units, "offered", offer, at=THEN, made=offer)
        pay(units[:payers], 2_000, at=THEN + timedelta(days=1))
        Decision.objects.filter(pk__in=[d.pk for d in made[:payers]]).update(
            paid_at=THEN + timedelta(days=1)
        )
        if offer == loss:
            use(units, 50 * NANO, at=THEN + timedelta(days=1))

    assert learning.learn() == 1
    policy.refresh_from_db()

    assert policy.shares["loss"] == 0
    assert policy.shares["weak"] == pytest.approx(0.1, abs=0.02)
    assert policy.shares["good"] == pytest.approx(0.9, abs=0.02)
    before = policy.shares
    learning.learn()
    policy.refresh_from_db()
    assert policy.shares == before
    reasons = {
        decide(MOMENT, DecisionUnit(unit.pk), occasion="2").offer_id
        for unit in crowd(30)
    }
    assert loss.pk not in reasons
    assert good.pk in reasons


def test_a_policy_none_of_whose_offers_keeps_its_margin_offers_nothing(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    put_in_force(MOMENT, make_offer("loss"), mode="bandit", shares={"loss": 0.0})

    found = decide(MOMENT, DecisionUnit(crowd(1)[0].pk), occasion="1")

    assert found.reason == "no_offer"


def test_what_each_offer_alone_would_bring_is_estimated_from_the_log(
    crowd: Callable[[int], list[Organisation]], catalogue: None
) -> None:
    good, weak = make_offer("good"), make_offer("weak")
    for offer, units, payers, propensity in (
        (good, 400, 80, 0.8),
        (weak, 100, 5, 0.2),
    ):
        made = decided(crowd(units), "offered", offer, at=THEN, made=offer)
        Decision.objects.filter(pk__in=[d.pk for d in made]).update(
            propensity=propensity
        )
        Decision.objects.filter(pk__in=[d.pk for d in made[:payers]]).update(
            paid_at=NOW
        )
    decided(crowd(50), "offered", good, at=THEN, made=good)

    found = evaluation.candidates(MOMENT, START, NOW)

    assert [each.offer.key for each in found] == ["good", "weak"]
    values = [each.robust.estimate for each in found]
    assert [round(each.value, 3) for each in values] == [0.2, 0.05]
    assert all(each.low <= each.value <= each.high for each in values)
    assert [round(each.weighed.effective) for each in found] == [400, 100]


def test_one_experiment_runs_at_a_moment(catalogue: None) -> None:
    from django.db import IntegrityError, transaction

    running(("control", None), ("a", make_offer("a")))

    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.create(
            key="second",
            moment=MOMENT,
            hypothesis="",
            smallest=0.1,
            planned=1,
            state="running",
            started_at=NOW,
        )
    assert Policy.objects.filter(moment=MOMENT, retired_at=None).count() == 1
