"""Carrying revenue on: exact sums, honest choices, bands that hold what comes."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from billing.forecast.maths.judging import (
    LEAST_MONTHS,
    Reason,
    judge,
    rolling_errors,
)
from billing.forecast.maths.methods import (
    END,
    SERIES,
    Method,
    Months,
    carry_flows,
    carry_last,
    carry_line,
)
from tests.billing.forecast.businesses import business, heavy, listed

# The binomial error of a share of 95 % in so many runs is 0.9 points.
RUNS = 600
POPULATIONS: dict[str, dict[str, Any]] = {
    "listed": {"prices": listed, "begins_with": 80},
    "heavy": {"prices": heavy},
    "growing": {"prices": listed, "growth": 1.03},
}


def months_of(*rows: tuple[int, int, int, int, int]) -> Months:
    """Return months from their five movements, beginning with nothing."""
    found, now = [], 0
    for new, back, more, less, left in rows:
        end = now + new + back + more - less - left
        found.append([now, new, back, more, less, left, end])
        now = end
    return np.array(found, dtype=float)


def by_name(found: Any) -> dict[str, Any]:
    return {each.name: each for each in found}


def test_the_three_methods_on_months_worked_by_hand() -> None:
    months = months_of(*[(1_000, 0, 0, 0, 0)] * 3, (1_000, 0, 400, 100, 300))

    flows, line = carry_flows(months, 2), carry_line(months, 2)
    last = carry_last(months, 2)

    # 1000 new a month; of the 3000 it began with one of four months lost 300, and by
    # weight (2^-0.5, 2^-1/3, 2^-1/6, 1) the month with 3000 counts most.
    weights = [0.5 ** (age / 6) for age in (3, 2, 1, 0)]
    start = sum(w * s for w, s in zip(weights, (0, 1_000, 2_000, 3_000), strict=True))
    more, less, left = (round(4_000 * each / start) for each in (400, 100, 300))
    assert flows[0].tolist() == [
        *(1_000, 0, more, less, left),
        4_000 + 1_000 + more - less - left,
    ]
    # 1000, 2000, 3000, 4000 lie on a line.
    assert line[:, END].tolist() == [5_000, 6_000]
    assert last[:, END].tolist() == [4_000, 4_000]


def test_each_month_of_the_movements_is_its_beginning_and_its_five() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        months = business(rng, 15, prices=heavy)
        now = months[-1, -1]
        for row in carry_flows(months, 6):
            assert row[END] == now + row[:3].sum() - row[3:5].sum()
            assert (row >= 0).all()
            assert (row == np.rint(row)).all()
            now = row[END]


def test_a_business_that_loses_everything_does_not_fall_below_nothing() -> None:
    months = months_of((999, 0, 0, 0, 0), (0, 0, 0, 500, 499), (7, 0, 0, 0, 0))

    assert carry_flows(months, 6).min() >= 0
    assert carry_line(months, 6).min() >= 0


def test_a_test_knows_only_what_was_known_then() -> None:
    months = business(np.random.default_rng(1), 12, prices=listed)
    changed = months.copy()
    changed[8:] *= 7

    first, second = rolling_errors(months, 2), rolling_errors(changed, 2)

    # Tests that begin by month 8 say the same; what came differs from then on.
    said = months[8, 1:] - first[:, 5, 0], changed[8, 1:] - second[:, 5, 0]
    assert np.array_equal(*said)
    assert np.array_equal(first[:, :4], second[:, :4])
    # Of the last test only one month has come.
    assert np.isnan(first[:, -1, 1]).all()


def test_the_method_shown_is_the_one_that_was_wrong_by_least() -> None:
    still = (10, 0, 10, 10, 10)
    once = (9_000, 0, 0, 0, 0)

    # It stands still, but for two jumps that nothing could tell of.
    jumps = by_name(judge(months_of(once, *[still] * 6, once, *[still] * 6)))["end"]
    # A twentieth of what there is leaves each month, and as much as ever comes.
    falls = by_name(judge(_falling(14)))["end"]

    assert jumps.method == Method.LAST
    assert falls.method == Method.FLOWS
    for each in (jumps, falls):
        assert each.errors[each.method] == min(each.errors.values())


def test_a_straight_line_is_shown_where_the_movements_do_not_beat_it() -> None:
    # Each month exactly 1000 more, though by turns of new and of more.
    rows = [(1_000, 0, 0, 0, 0) if n % 2 else (0, 0, 1_000, 0, 0) for n in range(18)]

    whole = by_name(judge(months_of(*rows)))["end"]

    assert whole.method == Method.LINE
    assert whole.errors[Method.LINE] == 0 < whole.errors[Method.FLOWS]
    assert [band.amount for band in whole.months] == [1_000 * n for n in range(19, 25)]


def test_too_few_months_are_a_reason_and_no_line() -> None:
    months = business(np.random.default_rng(2), LEAST_MONTHS, prices=listed)

    few, enough = judge(months[: LEAST_MONTHS - 1]), judge(months)

    assert {each.reason for each in few} == {Reason.TOO_FEW_MONTHS}
    assert [each.months for each in few] == [()] * len(SERIES)
    whole = by_name(enough)["end"]
    assert whole.reason is None
    # A third of what is known.
    assert len(whole.months) == LEAST_MONTHS // 3
    assert judge(months[:0])[0].reason == Reason.TOO_FEW_MONTHS


def test_what_hardly_happened_has_a_reason_of_its_own() -> None:
    rows = [(1_000, 0, 0, 0, 100 if n in {3, 5, 7, 9, 11} else 0) for n in range(12)]

    found = by_name(judge(months_of(*rows)))

    assert found["churn"].reason == Reason.TOO_FEW_MOVES
    assert found["reactivation"].reason == Reason.TOO_FEW_MOVES
    assert found["new"].reason is None


def test_bands_are_ordered_and_no_narrower_farther_ahead() -> None:
    for seed in range(30):
        months = business(np.random.default_rng(seed), 20, prices=heavy)
        for each in judge(months):
            widths = [band.high_95 - band.amount for band in each.months]
            assert widths == sorted(widths)
            for band in each.months:
                assert 0 <= band.low_95 <= band.low_80 <= band.amount
                assert band.amount <= band.high_80 <= band.high_95


def test_the_band_is_students_of_the_errors_that_were() -> None:
    """One month ahead: the root mean square, times the quantile of effective tests."""
    months = business(np.random.default_rng(3), 12, prices=listed, begins_with=80)
    whole = by_name(judge(months))["end"]
    place = list(Method).index(whole.method)
    errors = rolling_errors(months, 4)[place, :, 0, END]
    grown = np.maximum(1, months[-1, -1] / months[2:11, -1]) ** 0.75
    scaled = errors * grown
    effective = (scaled**2).sum() ** 2 / (scaled**4).sum()

    expected = stats.t.ppf(0.975, effective) * np.sqrt((scaled**2).mean())

    band = whole.months[0]
    assert band.high_95 - band.amount == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("count", [LEAST_MONTHS, 14, 24])
def test_bands_hold_what_comes(population: str, count: int) -> None:
    """At every distance shown, of the revenue and of each movement that is shown."""
    ahead = min(6, count // 3)
    inside, shown = np.zeros((len(SERIES), ahead)), np.zeros(len(SERIES))
    for seed in range(RUNS):
        rng = np.random.default_rng([seed, count])
        drawn = business(rng, count + ahead, **POPULATIONS[population])
        for place, each in enumerate(judge(drawn[:count])):
            for step, band in enumerate(each.months):
                came = drawn[count + step, 1 + place]
                inside[place, step] += band.low_95 <= came <= band.high_95
            shown[place] += bool(each.months)

    # A series that is rarely shown says nothing about how well its bands hold.
    often = shown >= RUNS / 4
    assert often[END]
    assert (inside[often] / shown[often, None]).min() >= 0.93


def _falling(count: int) -> Months:
    found, now = [], 1_000_000
    for _month in range(count):
        left = now // 20
        found.append([now, 1_000, 0, 0, 0, left, now + 1_000 - left])
        now += 1_000 - left
    return np.array(found, dtype=float)
