"""π's interval keeps its promise at every size at which it is shown."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from scipy import stats as scipy_stats

from billing.conversion import spreads
from billing.conversion.currency import dollar_rate
from billing.conversion.models import Account, Developer
from billing.conversion.reasons import Missing
from billing.conversion.stats.sums import Moments, enough_for_sum, sum_interval
from billing.conversion.units import CountedUnit, population
from core.money import NANO

Draw = Callable[[np.random.Generator, tuple[int, int]], Any]
RUNS = 2_000
# So many at once take some ten megabytes.
AT_ONCE = 1_000_000
# Who ever was in N, of a company some years old.
HISTORY = 60_000


def plain(chance: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Seven of a hundred pay one to five times 20; all cost half a unit or so."""
    pays = chance.random(shape) < 0.07
    paid = 20.0 * chance.integers(1, 6, shape)
    return np.where(pays, paid, 0.0) - chance.exponential(0.5, shape)


def heavy(chance: np.random.Generator, shape: tuple[int, int]) -> Any:
    """The same, but one payer of a hundred has a contract of 30,000."""
    signs = chance.random(shape) < 0.0007
    return np.where(signs, 30_000.0, plain(chance, shape))


def moments(values: Any) -> Moments:
    mean = float(values.mean())
    apart = values - mean
    return Moments(
        len(values), mean, float((apart**2).mean()), float((apart**3).mean())
    )


@pytest.fixture(params=[plain, heavy], ids=["plain", "heavy"])
def draw(request: pytest.FixtureRequest) -> Draw:
    found: Draw = request.param
    return found


def needed_by(draw: Draw) -> int:
    known = moments(draw(np.random.default_rng(1), (1, HISTORY))[0])
    largest = {plain: 100.0, heavy: 30_000.0}[draw]  # type: ignore[index]
    return enough_for_sum(known.with_one_more(largest))


@pytest.mark.parametrize("times", [1, 2, 5])
def test_the_interval_holds_what_it_says_from_where_it_is_shown(
    draw: Draw, times: int
) -> None:
    size = times * needed_by(draw)
    # Larger samples take fewer runs: each is a million draws.
    runs = min(RUNS, 60_000_000 // size)
    chance = np.random.default_rng(size)
    truth = size * float(draw(np.random.default_rng(2), (400, 100_000)).mean())
    held = done = 0
    while done < runs:
        count = min(runs - done, max(1, AT_ONCE // size))
        for sample in draw(chance, (count, size)):
            interval = sum_interval(moments(sample))
            assert interval is not None
            held += interval.low <= truth <= interval.high
        done += count

    assert held / runs >= 0.93


def test_with_contracts_it_takes_many_more_than_without() -> None:
    few, many = needed_by(plain), needed_by(heavy)

    assert 250 <= few <= 700
    assert 25_000 <= many <= 60_000


def test_without_skewness_the_interval_is_the_plain_one() -> None:
    values = np.array([-1.0, 1.0] * 500)
    low, high = scipy_stats.norm.interval(0.95, 0, values.std(ddof=1) * 1000**0.5)

    interval = sum_interval(moments(values))

    assert interval is not None
    assert interval.low == pytest.approx(low)
    assert interval.high == pytest.approx(high)


def test_a_skewed_sum_reaches_further_to_its_long_side() -> None:
    values = np.array([0.0] * 930 + [20.0] * 70)

    interval = sum_interval(moments(values))

    assert interval is not None
    assert interval.high - 1400 > 1400 - interval.low > 0


def test_one_more_part_changes_the_moments_as_if_it_had_been_there() -> None:
    values = np.array([3.0, 4.0, 10.0, -2.0])
    whole = moments(np.append(values, 77.0))

    found = moments(values).with_one_more(77.0)

    assert found.count == 5
    assert found.mean == pytest.approx(whole.mean)
    assert found.variance == pytest.approx(whole.variance)
    assert found.third == pytest.approx(whole.third)


def test_one_value_has_no_interval_and_equal_ones_no_spread() -> None:
    assert sum_interval(Moments(1, 5.0, 0.0, 0.0)) is None
    equal = sum_interval(Moments(200, 2.0, 0.0, 0.0))
    assert equal is not None
    assert (equal.low, equal.high) == (400.0, 400.0)


@pytest.mark.django_db
def test_moments_of_large_equal_amounts_are_not_rounding(
    developer: Callable[..., Developer],
) -> None:
    for number in range(10):
        developer(activated_at=1, revenue=100_000_000_000 + 100 * (number == 0))
    rate = dollar_rate()
    assert rate is not None

    found = spreads.moments_of(population(CountedUnit.PERSON), rate)

    assert found.variance == pytest.approx(0.09)
    assert found.third == pytest.approx(0.072)


@pytest.mark.django_db
def test_the_page_says_from_how_many_on_there_is_an_interval(
    developer: Callable[..., Developer], client: Any, person: Any
) -> None:
    client.force_login(person("staff", is_staff=True))
    for _ in range(3):
        developer(activated_at=1, paid_at=2, revenue=2_000, cost_nano=NANO)
    organisation = Account.objects.first()
    assert organisation is None
    cache.clear()

    spread = spreads.profit_spread(
        population(CountedUnit.PERSON), unit=CountedUnit.PERSON
    )
    page = client.get("/staff/conversion/?from=2026-09-01&to=2026-09-30")

    assert spread.reason == Missing.TOO_UNEQUAL
    assert f"an interval needs {spread.needed}" in page.content.decode()
