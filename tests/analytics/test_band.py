"""A series is told of when it leaves its band, and hardly ever when it does not."""

from collections.abc import Callable

import numpy as np
import pytest

from analytics.evaluation.band import Nature, band_of

# Half a year and the eight weeks it needs, of so many series: 8,400 days.
DAYS, JUDGED, SERIES = 196, 140, 60
WEEK = np.tile([1, 1.1, 1, 1, 0.9, 0.3, 0.25], DAYS // 7 + 1)[:DAYS]
Draw = Callable[[np.random.Generator], np.ndarray]


def _payments(dice: np.random.Generator) -> np.ndarray:
    """Return daily sums of few payments at three prices, and nothing on many days."""
    counts = dice.poisson(2, DAYS)
    return np.array([dice.choice([20, 100, 900], count).sum() for count in counts])


NULLS: dict[str, tuple[Draw, Nature]] = {
    "few": (lambda dice: dice.poisson(0.3, DAYS), Nature.COUNT),
    "some": (lambda dice: dice.poisson(3, DAYS), Nature.COUNT),
    "many, by weekday": (lambda dice: dice.poisson(200 * WEEK), Nature.COUNT),
    "more varied than chance": (
        lambda dice: dice.negative_binomial(8, 8 / (8 + 50 * WEEK)),
        Nature.COUNT,
    ),
    "long-tailed sums": (
        lambda dice: dice.lognormal(5, 1, DAYS) * WEEK,
        Nature.AMOUNT,
    ),
    "payments": (_payments, Nature.AMOUNT),
    "a share": (lambda dice: dice.binomial(60, 0.1, DAYS) / 60, Nature.RATIO),
}


@pytest.mark.parametrize("name", list(NULLS))
def test_without_a_change_at_most_one_day_in_a_hundred_alarms(name: str) -> None:
    draw, nature = NULLS[name]
    # One seed: these are the same days each time.
    dice = np.random.default_rng(11)
    alarms = 0
    for _ in range(SERIES):
        values = [float(value) for value in draw(dice)]
        for day in range(DAYS - JUDGED, DAYS):
            band = band_of(values[day - 56 : day], nature)
            assert band is not None
            alarms += not band.holds(values[day])

    assert alarms / (SERIES * JUDGED) <= 0.01


def test_a_usual_day_is_inside_and_a_halved_one_outside() -> None:
    dice = np.random.default_rng(2)
    history = [float(value) for value in dice.poisson(400 * WEEK[:56])]

    band = band_of(history, Nature.COUNT)

    assert band is not None
    assert band.holds(400)
    assert not band.holds(200)
    assert not band.holds(800)


def test_a_weekday_is_judged_by_its_like() -> None:
    week = [500.0, 500.0, 500.0, 500.0, 500.0, 50.0, 50.0]
    sunday = band_of([*(week * 8)[:-1]][-55:], Nature.COUNT)
    monday = band_of(week * 8, Nature.COUNT)

    assert sunday is not None
    assert monday is not None
    assert sunday.holds(50)
    assert not sunday.holds(500)
    assert not monday.holds(50)


def test_one_odd_day_does_not_widen_the_band() -> None:
    quiet = [100.0, 104.0, 96.0, 98.0, 102.0, 101.0, 99.0] * 8
    odd = [*quiet]
    odd[25] = 100_000.0

    assert band_of(odd, Nature.COUNT) == band_of(quiet, Nature.COUNT)


def test_three_weeks_are_too_few_and_four_enough() -> None:
    assert band_of([5.0] * 27, Nature.COUNT) is None
    assert band_of([5.0] * 28, Nature.COUNT) is not None
    assert band_of([], Nature.COUNT) is None


def test_days_without_a_value_are_passed_by() -> None:
    history: list[float | None] = [0.5, 0.5, None, 0.5, None, 0.5, 0.5] * 8

    band = band_of(history, Nature.RATIO)

    assert band is not None
    assert band.holds(0.5)
    assert band_of([None, *[0.5] * 6] * 8, Nature.RATIO) is None
