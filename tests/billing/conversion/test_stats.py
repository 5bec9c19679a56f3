from fractions import Fraction

import pytest
from statsmodels.stats.proportion import proportion_confint

from billing.conversion.reasons import Missing
from billing.conversion.stats.profit import ProfitModel
from billing.conversion.stats.shares import wilson_interval


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


def test_break_even_cost_is_what_the_price_leaves_over() -> None:
    assert example().break_even(Fraction(1500)).cost == 85


def test_each_missing_break_even_says_why() -> None:
    losing = example(price=Fraction(60)).break_even(Fraction(1500))
    nobody = example(developers=0).break_even(Fraction(1500))
    unpaid = example(share=Fraction(0)).break_even(Fraction(1500))
    dear = example().break_even(Fraction(40_000))

    assert (losing.share, losing.developers) == (Missing.NO_MARGIN, Missing.NO_MARGIN)
    assert losing.price == 85
    assert (nobody.share, nobody.price) == (Missing.NOBODY, Missing.NOBODY)
    assert nobody.developers == 500
    assert (unpaid.price, unpaid.cost) == (Missing.NOBODY_PAID, Missing.NOBODY_PAID)
    assert unpaid.developers == Missing.NOBODY_PAID
    assert unpaid.share == Fraction(5, 100)
    assert (dear.share, dear.cost) == (Missing.NOT_EVEN_ALL, Missing.NOT_EVEN_FREE)


def test_the_interval_of_alpha_is_one_of_profit_at_a_fixed_margin() -> None:
    interval = wilson_interval(100, 1000)

    assert interval is not None
    assert interval.low * 30 * 1000 == pytest.approx(2487.28, abs=0.005)
    assert interval.high * 30 * 1000 == pytest.approx(3604.56, abs=0.005)


def test_nobody_of_twenty_may_still_be_sixteen_percent() -> None:
    interval = wilson_interval(0, 20)

    assert interval is not None
    assert interval.low == 0
    assert interval.high == pytest.approx(0.161125, abs=5e-7)
