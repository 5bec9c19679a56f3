"""Billing periods counted from an anchor, so that the 31st comes back."""

import calendar
from datetime import UTC, datetime, timedelta

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


def boundary(anchor: int, interval: str, count: int, number: int) -> int:
    """The end of the ``number``-th period after ``anchor``.

    Months are added to the anchor itself, never to the previous end: 31 January,
    28 February, 31 March.
    """
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in DAYS:
        moved = start + timedelta(days=DAYS[interval] * count * number)
    else:
        months = start.month - 1 + MONTHS[interval] * count * number
        year, month = start.year + months // 12, months % 12 + 1
        day = min(start.day, calendar.monthrange(year, month)[1])
        moved = start.replace(year=year, month=month, day=day)
    return int(moved.timestamp())


def next_boundary(anchor: int, interval: str, count: int, after: int) -> int:
    """The first boundary later than ``after``, which may lie before the anchor."""
    length = boundary(anchor, interval, count, 1) - anchor
    number = (after - anchor) // length - 1
    while boundary(anchor, interval, count, number) <= after:
        number += 1
    return boundary(anchor, interval, count, number)
