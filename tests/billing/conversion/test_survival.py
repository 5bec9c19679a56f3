"""Kaplan and Meier against published tables and statsmodels."""

from collections import Counter

import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from billing.conversion.stats.survival import survival_curve

# Freireich et al. (1963), weeks in remission under 6-MP; a plus was censored.
REMISSION = [
    *[(6, True)] * 3,
    (6, False),
    (7, True),
    (9, False),
    (10, True),
    (10, False),
    (11, False),
    (13, True),
    (16, True),
    (17, False),
    (19, False),
    (20, False),
    (22, True),
    (23, True),
    (25, False),
    *[(32, False)] * 2,
    (34, False),
    (35, False),
]


def test_the_curve_is_the_published_one() -> None:
    curve = survival_curve(Counter(REMISSION))

    assert [(step.time, round(step.survival, 3)) for step in curve.steps] == [
        (6, 0.857),
        (7, 0.807),
        (10, 0.753),
        (13, 0.69),
        (16, 0.627),
        (22, 0.538),
        (23, 0.448),
    ]
    assert [step.at_risk for step in curve.steps] == [21, 17, 15, 12, 11, 7, 6]
    assert curve.median == 23
    assert (curve.count, curve.events) == (21, 9)


def test_the_curve_and_its_error_agree_with_statsmodels() -> None:
    curve = survival_curve(Counter(REMISSION))
    theirs = SurvfuncRight(
        [time for time, _ in REMISSION], [int(event) for _, event in REMISSION]
    )

    ours = [step.survival for step in curve.steps]
    assert ours == pytest.approx(list(theirs.surv_prob))
    last = curve.steps[-1]
    assert last.interval is not None
    # R's survfit(…, conf.type = "log-log") at 23 weeks.
    assert last.interval.low == pytest.approx(0.188, abs=0.0005)
    assert last.interval.high == pytest.approx(0.680, abs=0.0005)


def test_what_is_beyond_the_longest_observation_is_not_known() -> None:
    curve = survival_curve({(3.0, True): 1, (5.0, False): 1})

    assert curve.survival_at(2) == 1
    assert curve.survival_at(5) == 0.5
    assert curve.survival_at(6) is None


def test_half_must_have_got_there_for_a_median() -> None:
    assert survival_curve({(3.0, True): 1, (9.0, False): 2}).median is None


def test_converters_alone_would_look_faster() -> None:
    converted = {(7.0, True): 3, (21.0, True): 2}
    curve = survival_curve({**converted, (30.0, False): 5})

    assert survival_curve(converted).median == 7
    assert curve.median == 21


def test_nobody_gives_an_empty_curve() -> None:
    curve = survival_curve({})

    assert (curve.count, curve.steps, curve.median) == (0, (), None)
