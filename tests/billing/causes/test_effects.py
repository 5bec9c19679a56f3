"""The estimator against worlds in which the truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from billing.causes.causes import EffectVerdict
from billing.causes.services import judge
from billing.causes.stats.effects import effect_on_treated
from billing.causes.stats.nuisance import cross_fit
from billing.causes.stats.samples import TrialSample
from billing.causes.stats.verdicts import verdict_after, verdict_before
from tests.billing.causes.planted import NAMES, World, draw, planted_effect

# Each is one draw of people; the same ones in every run.
DRAWS = range(400)


@pytest.mark.parametrize("effect", [0.0, 0.8])
def test_the_interval_covers_a_planted_effect_where_the_plain_difference_does_not(
    effect: float,
) -> None:
    world = World(effect=effect)
    truth = planted_effect(world)

    found = [effect_on_treated(draw(world, people=600, seed=each)) for each in DRAWS]

    covered = np.mean([each.low <= truth <= each.high for each in found])
    assert covered >= 0.93
    # It is not by being wide: it is centred, and the plain difference is far off.
    assert np.mean([each.value for each in found]) == pytest.approx(truth, abs=0.01)
    assert np.mean([each.naive for each in found]) - truth > 0.1


def test_no_effect_is_found_where_there_is_none() -> None:
    world = World(effect=0)

    found = [effect_on_treated(draw(world, people=600, seed=each)) for each in DRAWS]

    assert np.mean([each.excludes_zero for each in found]) <= 0.07


def test_rows_of_one_person_are_not_taken_for_several_people() -> None:
    world = World(effect=0.8)
    truth = planted_effect(world)

    found = [
        effect_on_treated(draw(world, people=200, seed=each, rows=4))
        for each in range(100)
    ]

    assert np.mean([each.low <= truth <= each.high for each in found]) >= 0.93


def test_the_same_rows_five_times_over_prove_nothing_more() -> None:
    once = draw(World(effect=0.8), people=600, seed=3)
    five = TrialSample(
        names=once.names,
        covariates=np.tile(once.covariates, (5, 1)),
        treated=np.tile(once.treated, 5),
        outcome=np.tile(once.outcome, 5),
        person=np.tile(once.person, 5),
    )

    width = [each.high - each.low for each in map(effect_on_treated, (once, five))]

    assert width[1] == pytest.approx(width[0], rel=0.1)


def bent(seed: int) -> TrialSample:
    """Return people of whom those near one fact pay most; ten points are planted."""
    rng = np.random.default_rng(seed)
    count = 4_000
    fact = rng.normal(size=count)
    treated = rng.random(count) < 1 / (1 + np.exp(0.5 - fact))
    # A bump that no straight line follows.
    likely = 0.1 + 0.5 * (np.abs(fact - 1) < 0.5)
    return TrialSample(
        names=("fact",),
        covariates=fact[:, None],
        treated=treated,
        outcome=rng.random(count) < likely + 0.1 * treated,
        person=np.arange(count),
    )


def test_one_wrong_model_of_two_does_no_harm() -> None:
    """The model of the outcome is wrong; that of the chance of treatment is right."""
    found = [effect_on_treated(bent(seed)) for seed in range(60)]

    assert np.mean([each.value for each in found]) == pytest.approx(0.1, abs=0.01)
    assert np.mean([each.low <= 0.1 <= each.high for each in found]) >= 0.9
    assert np.mean([each.naive for each in found]) > 0.15


def test_people_nobody_is_like_are_warned_of() -> None:
    found = effect_on_treated(draw(World(effect=0.8, push=6), people=1500, seed=2))

    assert found.overlap.trimmed > 0.1
    assert verdict_after(found) == EffectVerdict.NO_OVERLAP


def test_where_overlap_holds_nothing_is_warned_of() -> None:
    found = [
        effect_on_treated(draw(World(effect=0.8), people=600, seed=each))
        for each in range(20)
    ]

    assert {verdict_after(each) for each in found} == {EffectVerdict.READABLE}


def test_weights_bring_both_groups_together() -> None:
    found = effect_on_treated(draw(World(effect=0.8), people=3000, seed=7))

    eager = found.balance[0]
    assert eager.before > 0.4
    assert abs(eager.after) < 0.1


def test_the_negative_control_is_null_when_everything_is_measured() -> None:
    controls = [
        effect_on_treated(
            draw(World(effect=0.8), people=600, seed=each).with_outcome("prices")
        )
        for each in DRAWS
    ]

    assert np.mean([each.low <= 0 <= each.high for each in controls]) >= 0.93


def test_the_negative_control_finds_what_is_hidden() -> None:
    world = World(effect=0, hidden=1.2)
    found = [judge(draw(world, people=2000, seed=each)) for each in range(10)]

    # Such data lie about the effect, and the control says so each time.
    assert all(each["low"] > 0 for each in found)
    assert all(each["control_low"] > 0 for each in found)


def test_no_person_is_judged_by_a_model_that_knows_them() -> None:
    """With a fact for each person, learning by heart would give chances of 0 and 1."""
    rng = np.random.default_rng(3)
    people = 120
    person = np.repeat(np.arange(people), 2)
    treated = np.repeat(rng.random(people) < 0.5, 2)
    sample = TrialSample(
        names=tuple(f"is_{each}" for each in range(people)),
        covariates=np.eye(people)[person],
        treated=treated,
        outcome=rng.random(2 * people) < 0.3,
        person=person,
    )

    chances = cross_fit(sample).propensity

    apart = chances[treated].mean() - chances[~treated].mean()
    assert abs(apart) < 0.1


def test_the_estimate_is_the_same_each_time() -> None:
    sample = draw(World(effect=0.8), people=300, seed=1)

    assert effect_on_treated(sample) == effect_on_treated(sample)


@pytest.mark.parametrize(
    ("people", "treated", "paid", "verdict"),
    [
        (100, 29, 50, EffectVerdict.FEW_TREATED),
        (100, 71, 50, EffectVerdict.FEW_UNTREATED),
        (100, 30, 9, EffectVerdict.FEW_PAYERS),
        (100, 30, 10, EffectVerdict.READABLE),
    ],
)
def test_too_few_says_of_whom(
    people: int, treated: int, paid: int, verdict: EffectVerdict
) -> None:
    at = np.arange(people)
    sample = TrialSample(
        names=("fact",),
        covariates=np.zeros((people, 1)),
        treated=at < treated,
        outcome=at % 100 < paid,
        person=at,
    )

    assert verdict_before(sample) == verdict
    if verdict != EffectVerdict.READABLE:
        assert "effect" not in judge(sample)


def test_one_person_with_many_rows_is_one_person() -> None:
    sample = draw(World(effect=0.8), people=600, seed=1)
    few = replace(sample, person=np.where(sample.treated, 1, sample.person + 2))

    assert verdict_before(few) == EffectVerdict.FEW_TREATED


def test_with_outcome_takes_the_fact_out_of_the_facts() -> None:
    sample = draw(World(effect=0.8), people=50, seed=1)

    asked = sample.with_outcome("prices")

    assert asked.names == NAMES[:-1]
    assert asked.covariates.shape == (50, 3)
    assert asked.outcome.tolist() == (sample.covariates[:, 3] > 0).tolist()
