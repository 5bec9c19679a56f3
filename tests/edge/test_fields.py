"""Form fields of which there is one for every form."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from edge.fields import LastDayField
from tests.test_house_rules import mistakes

# In Shanghai it is the second of March by then, in Los Angeles still the first.
NOW = datetime(2026, 3, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("UTC", "2026-03-01", "2026-03-01T23:59:59.999999+00:00"),
        ("Asia/Shanghai", "2026-03-02", "2026-03-02T23:59:59.999999+08:00"),
        ("America/Los_Angeles", "2026-03-01", "2026-03-01T23:59:59.999999-08:00"),
        ("UTC", "2027-01-01", "2027-01-01T23:59:59.999999+00:00"),
        ("UTC", "", None),
    ],
)
def test_a_last_day_lasts_to_its_end_where_its_reader_is(
    zone: str, day: str, ends: str | None
) -> None:
    with time_machine.travel(NOW, tick=False), timezone.override(ZoneInfo(zone)):
        cleaned = LastDayField().clean(day)

    assert (cleaned and cleaned.isoformat()) == ends


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", "2026-02-28"), ("Asia/Shanghai", "2026-03-01"), ("UTC", "soon")],
)
def test_a_last_day_that_is_over_is_refused(zone: str, day: str) -> None:
    with (
        time_machine.travel(NOW, tick=False),
        timezone.override(ZoneInfo(zone)),
        pytest.raises(ValidationError),
    ):
        LastDayField().clean(day)


def test_a_form_may_ask_for_the_day() -> None:
    with pytest.raises(ValidationError):
        LastDayField(required=True).clean("")


def test_no_form_writes_them_anew() -> None:
    found: list[Any] = [
        line.partition(":")[0] for line in mistakes(r"There is no such organisation")
    ]

    assert found == ["platform/accounts/forms.py"]
