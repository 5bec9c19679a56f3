"""The time, asked for when it is needed."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format


def now() -> datetime:
    """Return the current time, for columns too: Django's own cannot be frozen."""
    return timezone.now()


def reporting_day(moment: datetime) -> date:
    """Return the day of a moment where figures are cut and staff plan by the day."""
    return moment.astimezone(ZoneInfo(settings.REPORTING_TIME_ZONE)).date()


def day_for_all(moment: datetime) -> str:
    """Return a moment's day for words that many read: in UTC, and it says so.

    A page, and a letter to one person, use the zone of their reader.
    """
    return f"{date_format(moment.astimezone(UTC), 'DATE_FORMAT')} (UTC)"
