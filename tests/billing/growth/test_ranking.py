"""How well a score ranks, against scipy, by hand and in simulation."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from billing.growth.stats.ranking import (
    Ranked,
    auc,
    auc_gain,
    calibration,
    interval_of,
    lift_of_best,
)


def drawn(seed: int, *, units: int = 300, apart: float = 1.0, rows: int = 1) -> Ranked:
    """Return units of which a fifth pay, with scores that lie ``apart``."""
    rng = np.random.default_rng(seed)
    paid = rng.random(units) < 0.2
    score = rng.normal(size=units) + apart * paid
    unit = np.repeat(np.arange(units), rows)
    return Ranked(unit, score[unit], paid[unit])


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_auc_is_that_of_mann_and_whitney_ties_included(digits: int) -> None:
    ranked = drawn(1)
    score = np.round(ranked.score, digits)

    payers, others = score[ranked.paid], score[~ranked.paid]
    expected = mannwhitneyu(payers, others).statistic / (len(payers) * len(others))
    assert auc(score, ranked.paid) == pytest.approx(expected)


def test_a_weight_of_two_is_the_row_twice() -> None:
    ranked = drawn(2)
    weight = np.where(np.arange(300) % 3 == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(300), weight.astype(int))

    for figure in (auc, lift_of_best):
        assert figure(ranked.score, ranked.paid, weight) == pytest.approx(
            figure(ranked.score[twice], ranked.paid[twice])
        )


def test_the_best_tenth_is_compared_with_everybody() -> None:
    score = np.arange(100.0)
    paid = (score >= 95) | (score < 5)

    # Five of the ten best paid, and one in ten of all.
    assert lift_of_best(score, paid) == pytest.approx(5)


def test_of_equal_scores_the_needed_part_counts() -> None:
    paid = np.arange(100) < 20

    assert lift_of_best(np.ones(100), paid) == pytest.approx(1)


@pytest.mark.parametrize("paid", [np.zeros(10, dtype=bool), np.ones(10, dtype=bool)])
def test_where_nobody_differs_nothing_is_ranked(
    paid: "np.typing.NDArray[np.bool_]",
) -> None:
    assert auc(np.arange(10.0), paid) == 0.5
    assert lift_of_best(np.arange(10.0), paid) == pytest.approx(1)


def test_the_interval_covers_the_true_auc() -> None:
    truth = float(norm.cdf(1 / np.sqrt(2)))

    found = [interval_of(auc, drawn(seed)) for seed in range(100)]

    assert np.mean([each.low <= truth <= each.high for each in found]) >= 0.9


def test_many_snapshots_of_one_unit_prove_nothing_more() -> None:
    once = interval_of(auc, drawn(3))
    often = interval_of(auc, drawn(3, rows=6))

    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.15)


def test_a_score_gains_nothing_over_itself_and_surely_over_chance() -> None:
    ranked = drawn(4)
    chance = Ranked(ranked.unit, np.random.default_rng(9).normal(size=300), ranked.paid)

    same = auc_gain(ranked, ranked.score)
    better = auc_gain(chance, ranked.score)

    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert better.low > 0


def test_of_two_scores_by_chance_one_rarely_wins_surely() -> None:
    wins = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        paid = rng.random(300) < 0.2
        ranked = Ranked(np.arange(300), rng.normal(size=300), paid)
        wins += auc_gain(ranked, rng.normal(size=300)).low > 0

    # One in forty by the interval's own word.
    assert wins <= 7


def test_fifths_say_how_many_paid_with_wilsons_interval() -> None:
    score = np.arange(100.0)
    groups = calibration(Ranked(np.arange(100), score, score >= 80))

    assert [(each.rows, each.paid, each.predicted) for each in groups] == [
        (20, 0, 9.5),
        (20, 0, 29.5),
        (20, 0, 49.5),
        (20, 0, 69.5),
        (20, 20, 89.5),
    ]
    # Wilson (1927) of none and of all of 20.
    assert [groups[0].low, groups[0].high] == pytest.approx([0, 0.1611], abs=1e-4)
    assert [groups[4].low, groups[4].high] == pytest.approx([0.8389, 1], abs=1e-4)
