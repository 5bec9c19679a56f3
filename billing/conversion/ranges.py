"""The range of days a report is about, cut in the reporting time zone."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.reading import UnreadableValue, Values

# A week, a month, a quarter, a year.
PRESETS: dict[str, tuple[int, Promise]] = {
    "7d": (7, _("Last 7 days")),
    "30d": (30, _("Last 30 days")),
    "90d": (90, _("Last 90 days")),
    "365d": (365, _("Last 365 days")),
}
DEFAULT = "30d"
# What an address says for people whose source nobody knows; no source is called that.
UNKNOWN = "-"
# Days from activation within which a payment counts: a week, a month, a quarter.
WINDOWS = (7, 30, 90)
# The middle one: what is billed monthly has been paid once by then.
DEFAULT_WINDOW = 30
# Three years: every day is a point of a chart and a row of its table.
MOST_DAYS = 1_096


@dataclass(frozen=True, slots=True)
class DayRange:
    """Whole days from ``first`` to ``last``, both included."""

    first: date
    last: date

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


def read_range(
    query: QueryDict, *, default: str = DEFAULT
) -> tuple[DayRange, timedelta, list[str | Promise]]:
    """Read ``range`` or ``from`` and ``to``, and ``window``.

    ``default`` is the preset where nothing is asked for.

    Returns the days, the conversion window and what was wrong: a page always shows,
    of the default where something cannot be read, and says why.
    """
    asked = Values(query)
    problems: list[str | Promise] = []
    days, window = DayRange.preset(default), DEFAULT_WINDOW
    try:
        days = _days(asked, default)
    except UnreadableValue as error:
        problems += [str(error), _showing(default)]
    try:
        choices = [str(length) for length in WINDOWS]
        window = int(asked.choice("window", choices, default=str(window)))
    except UnreadableValue as error:
        problems.append(str(error))
    return days, timedelta(days=window), problems


def _showing(preset: str) -> str:
    return gettext("Showing: %(range)s.") % {"range": PRESETS[preset][1]}


def _days(asked: Values, default: str) -> DayRange:
    last = asked.day("to")
    first = asked.day("from")
    if first is None and last is None:
        return DayRange.preset(asked.choice("range", PRESETS, default=default))
    if first is None:
        raise UnreadableValue("from", gettext("“%(field)s” is missing beside “to”."))
    last = last or _today()
    if first > last:
        first, last = last, first
    if (last - first).days >= MOST_DAYS:
        raise UnreadableValue(
            "from",
            gettext("“%(field)s” and “to” may lie %(most)d days apart."),
            most=MOST_DAYS,
        )
    return DayRange(first, last)


def read_source(query: QueryDict) -> str | None:
    """Read ``source``: ``None`` is all of them, empty those whose source is unknown."""
    # As long as the column of sources.
    source = Values(query).text("source", most=80)
    if not source:
        return None
    return "" if source == UNKNOWN else source


def preset_of(query: QueryDict, days: DayRange) -> str:
    """Return which preset the range is; none for days of one's own."""
    asked = Values(query)
    if asked.has("from") or asked.has("to"):
        return ""
    return next(name for name, (length, _) in PRESETS.items() if length == days.days)
