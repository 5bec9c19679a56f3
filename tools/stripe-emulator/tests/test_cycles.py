"""Billing periods counted from their anchor."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from stripe_emulator.engine.cycles import boundary, next_boundary
from timing import moment


def days(anchor: tuple[int, ...], interval: str, count: int, number: int) -> list[str]:
    """Return the first ``number`` ends of periods as dates."""
    start = moment(*anchor)
    ends = [boundary(start, interval, count, step + 1) for step in range(number)]
    return [datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d") for end in ends]


@pytest.mark.parametrize(
    ("anchor", "interval", "count", "expected"),
    [
        ((2026, 1, 31), "month", 1, ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ((2028, 1, 30), "month", 1, ["2028-02-29", "2028-03-30", "2028-04-30"]),
        ((2026, 11, 30), "month", 3, ["2027-02-28", "2027-05-30", "2027-08-30"]),
        ((2028, 2, 29), "year", 1, ["2029-02-28", "2030-02-28", "2031-02-28"]),
        ((2028, 2, 29), "year", 4, ["2032-02-29", "2036-02-29"]),
        ((2026, 12, 15), "month", 1, ["2027-01-15", "2027-02-15"]),
        ((2026, 1, 1), "week", 2, ["2026-01-15", "2026-01-29"]),
        ((2026, 2, 27), "day", 1, ["2026-02-28", "2026-03-01"]),
    ],
)
def test_months_are_added_to_the_anchor_itself(
    anchor: tuple[int, ...], interval: str, count: int, expected: list[str]
) -> None:
    assert days(anchor, interval, count, len(expected)) == expected


def test_the_hour_of_the_anchor_is_kept() -> None:
    anchor = moment(2026, 1, 31, 23, 59, 58)

    assert boundary(anchor, "month", 1, 1) == moment(2026, 2, 28, 23, 59, 58)


def test_periods_before_the_anchor_are_counted_back() -> None:
    anchor = moment(2026, 3, 31)

    assert boundary(anchor, "month", 1, -1) == moment(2026, 2, 28)
    assert boundary(anchor, "year", 1, -1) == moment(2025, 3, 31)


@pytest.mark.parametrize("interval", ["day", "week", "month", "year"])
def test_the_next_boundary_is_the_first_one_later(interval: str) -> None:
    anchor = moment(2026, 1, 31)
    ends = [boundary(anchor, interval, 1, number) for number in range(-3, 12)]
    for earlier, later in pairwise(ends):
        # At a boundary the next one is meant, a second before it that one itself.
        assert next_boundary(anchor, interval, 1, earlier) == later
        assert next_boundary(anchor, interval, 1, later - 1) == later


def test_a_boundary_may_be_asked_for_long_before_the_anchor() -> None:
    anchor = moment(2026, 6, 15)

    assert next_boundary(anchor, "month", 1, moment(2026, 1, 1)) == moment(2026, 1, 15)
