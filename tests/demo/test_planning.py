"""What is planned of the demo, before there is a row of it."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from demo.people import DAYS
from demo.rhythm import Rhythm
from demo.services import _plan, _speakers
from tests.demo.worlds import SMALL

MONDAY = datetime(2026, 11, 30, 10, 6, tzinfo=UTC)


@pytest.mark.parametrize("hours", range(0, 7 * 24, 11))
def test_who_is_silenced_says_nothing_else(hours: int) -> None:
    # The rhythm of a week decides who comes when: another moment is another demo.
    now = MONDAY + timedelta(hours=hours)
    rhythm = Rhythm(now - timedelta(days=DAYS), now, growth=2.6)

    plan = _plan(SMALL, rhythm, random.Random(42))  # noqa: S311 - the same each time

    assert plan.advertiser in plan.crowd
    assert plan.advertiser not in _speakers(plan).everybody
