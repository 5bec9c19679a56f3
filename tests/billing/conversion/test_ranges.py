"""The days of a report, and the words on what could not be read."""

from datetime import date, timedelta

import pytest
from django.http import QueryDict

from billing.conversion.ranges import MOST_DAYS, DayRange, read_range


def test_days_and_window_are_read() -> None:
    query = QueryDict("from=2026-01-01&to=2026-01-31&window=90")

    days, window, problems = read_range(query)

    assert (days.first, days.last) == (date(2026, 1, 1), date(2026, 1, 31))
    assert window == timedelta(days=90)
    assert problems == []


def test_days_in_the_wrong_order_are_turned_round() -> None:
    days, _window, _problems = read_range(QueryDict("from=2026-02-01&to=2026-01-31"))

    assert (days.first, days.last) == (date(2026, 1, 31), date(2026, 2, 1))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(("from=0001-01-01", "from"), ("from=9999-12-31", "from")),
        *(("from=2026-02-30", "from"), ("to=2026-01-01", "from")),
        *(("from=2000-01-01&to=2026-01-01", "from"), ("range=forever", "range")),
        *(("window=²", "window"), ("window=31", "window"), ("window=-7", "window")),
    ],
)
def test_what_cannot_be_read_is_said_and_the_default_shown(
    query: str, field: str
) -> None:
    days, window, problems = read_range(QueryDict(query))

    assert any(f"“{field}”" in str(problem) for problem in problems)
    assert days == DayRange.preset("30d")
    assert window == timedelta(days=30)
    # The range before it, and the day after it, are days of the calendar.
    assert days.previous().start < days.start < days.end
    assert days.days < MOST_DAYS
