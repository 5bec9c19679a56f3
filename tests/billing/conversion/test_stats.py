import math
from fractions import Fraction

import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from billing.conversion.stats import (
    ProfitModel,
    student_quantile,
    sum_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 20), (1, 1), (3, 17), (100, 1000), (999, 1000)]
)
def test_wilson_agrees_with_statsmodels(successes: int, trials: int) -> None:
    low, high = proportion_confint(successes, trials, alpha=0.05, method="wilson")

    interval = wilson_interval(successes, trials)

    assert interval is not None
    assert interval.low == pytest.approx(low, abs=1e-12)
    assert interval.high == pytest.approx(high, abs=1e-12)


def test_wilson_of_one_hundred_in_a_thousand() -> None:
    interval = wilson_interval(100, 1000)

    assert interval is not None
    assert interval.low == pytest.approx(0.082909, abs=5e-7)
    assert interval.high == pytest.approx(0.120152, abs=5e-7)


def test_nothing_tried_has_no_interval() -> None:
    assert wilson_interval(0, 0) is None


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="21 of 20"):
        wilson_interval(21, 20)


@pytest.mark.parametrize("freedom", [20, 199, 1000, 100_000])
@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.995])
def test_student_agrees_with_scipy(probability: float, freedom: int) -> None:
    expected = scipy_stats.t.ppf(probability, freedom)

    assert student_quantile(probability, freedom) == pytest.approx(expected, rel=1e-5)


def test_the_interval_of_a_sum_agrees_with_scipy() -> None:
    values = [0.0] * 180 + [20.0, 75.0, -3.5, 19.25] * 10
    mean, error = sum(values) / len(values), scipy_stats.sem(values)
    low, high = scipy_stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error)

    interval = sum_interval(
        len(values), math.fsum(values), math.fsum(value**2 for value in values)
    )

    assert interval is not None
    assert interval.low == pytest.approx(low * len(values), rel=1e-9)
    assert interval.high == pytest.approx(high * len(values), rel=1e-9)


def test_one_value_has_no_interval() -> None:
    assert sum_interval(1, 5.0, 25.0) is None


def test_equal_values_have_no_spread() -> None:
    interval = sum_interval(200, 400.0, 800.0)

    assert interval is not None
    assert (interval.low, interval.high) == (400.0, 400.0)


def example(**changes: object) -> ProfitModel:
    values: dict[str, object] = {
        "developers": 1000,
        "share": Fraction(1, 10),
        "price": Fraction(100),
        "cost": Fraction(70),
    }
    return ProfitModel(**(values | changes))  # type: ignore[arg-type]


def test_the_example_earns_three_thousand() -> None:
    assert example().profit == 3000


def test_thirty_thousand_is_the_example_without_its_share() -> None:
    assert example().profit_without_share == 30_000


def test_sensitivities_of_the_example() -> None:
    assert example().sensitivities() == {
        "share": 30_000,
        "price": 100,
        "cost": -100,
        "developers": 3,
    }


def test_break_even_of_the_example() -> None:
    break_even = example().break_even(Fraction(1500))

    assert break_even.share == Fraction(5, 100)
    assert break_even.price == 85
    assert break_even.developers == 500


def test_a_losing_price_has_no_break_even_share() -> None:
    break_even = example(price=Fraction(60)).break_even(Fraction(1500))

    assert break_even.share is None
    assert break_even.developers is None
    assert break_even.price == 85


def test_a_sale_that_never_happens_has_no_break_even_price() -> None:
    assert example(share=Fraction(0)).break_even(Fraction(1500)).price is None
