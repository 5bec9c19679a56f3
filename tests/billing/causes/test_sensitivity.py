"""E-values against the paper that defines them."""

import pytest

from billing.causes.stats.sensitivity import (
    e_value,
    e_value_of_effect,
    e_value_of_interval,
)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    # VanderWeele and Ding (2017): 3.9 with its limit 1.8, and a protective 0.8.
    [(3.9, 7.26), (1.8, 3.0), (0.8, 1.81), (1.0, 1.0), (0, 1.0)],
)
def test_e_values_are_those_of_the_paper(ratio: float, expected: float) -> None:
    assert e_value(ratio) == pytest.approx(expected, abs=0.005)


def test_the_e_value_of_an_effect_is_that_of_its_ratio() -> None:
    assert e_value_of_effect(0.1, 0.29) == pytest.approx(e_value(3.9))


@pytest.mark.parametrize(("without", "effect"), [(0, 0.1), (-0.01, 0.1), (0.1, -0.2)])
def test_there_is_no_ratio_to_nobody(without: float, effect: float) -> None:
    assert e_value_of_effect(without, effect) is None


def test_the_limit_that_counts_is_the_one_nearest_to_no_effect() -> None:
    assert e_value_of_interval(0.1, 0.29, 0.08, 0.5) == pytest.approx(e_value(1.8))
    assert e_value_of_interval(0.1, -0.05, -0.08, -0.02) == pytest.approx(e_value(0.8))
    assert e_value_of_interval(0.1, 0.2, -0.1, 0.5) == 1
