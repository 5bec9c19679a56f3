"""The range of days a report is about, cut in the reporting time zone."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PRESETS: dict[str, tuple[int, Promise]] = {
    "7d": (7, _("Last 7 days")),
    "30d": (30, _("Last 30 days")),
    "90d": (90, _("Last 90 days")),
    "365d": (365, _("Last 365 days")),
}
DEFAULT = "30d"
WINDOWS = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class DayRange:
    """Whole days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @classmethod
    def from_query(cls, query: QueryDict) -> tuple[Self, list[Promise]]:
        """Read ``range`` or ``from``/``to``; return what was wrong beside it.

        A wrong date falls back to the default range, so that a page always
        shows, and says why.
        """
        today = _today()
        if query.get("from") or query.get("to"):
            try:
                first = date.fromisoformat(query.get("from", ""))
                last = date.fromisoformat(query.get("to", "") or today.isoformat())
            except ValueError:
                return cls.preset(DEFAULT), [
                    _("Dates are written as 2026-01-31. Showing the last 30 days.")
                ]
            if first > last:
                first, last = last, first
            return cls(first, last), []
        name = query.get("range", DEFAULT)
        if name not in PRESETS:
            return cls.preset(DEFAULT), [
                _("That range is not known. Showing the last 30 days.")
            ]
        return cls.preset(name), []

    @classmethod
    def preset(cls, name: str) -> Self:
        """Return one of ``PRESETS``, today included."""
        today = _today()
        return cls(today - timedelta(days=PRESETS[name][0] - 1), today)

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time.min, reporting_zone())

    @property
    def end(self) -> datetime:
        """The first moment after the last day."""
        return datetime.combine(
            self.last + timedelta(days=1), time.min, reporting_zone()
        )

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def previous(self) -> "DayRange":
        """Return the range of equal length right before."""
        length = timedelta(days=self.days)
        return DayRange(self.first - length, self.last - length)


def _today() -> date:
    return timezone.now().astimezone(reporting_zone()).date()


def reporting_zone() -> ZoneInfo:
    return ZoneInfo(settings.REPORTING_TIME_ZONE)


def read_window(query: QueryDict) -> timedelta:
    """Return the conversion window, 30 days unless the query names another."""
    raw = query.get("window", "")
    days = int(raw) if raw.isdigit() and int(raw) in WINDOWS else 30
    return timedelta(days=days)
