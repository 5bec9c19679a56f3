"""When nothing may reach out to a person: their evening and night."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

# Nobody is written to before breakfast or after supper, wherever they live.
BEGIN, END = time(20), time(8)
_ZONES = frozenset(available_timezones())


def is_quiet(at: datetime, zone: tzinfo) -> bool:
    """Tell whether it is quiet for a person who lives in ``zone``."""
    clock = at.astimezone(zone).time()
    return clock >= BEGIN or clock < END


def next_reachable(at: datetime, zone: tzinfo) -> datetime:
    """Return ``at``, or the end of the quiet hours it is in."""
    if not is_quiet(at, zone):
        return at
    local = at.astimezone(zone)
    day = local.date() + timedelta(days=int(local.time() >= BEGIN))
    return datetime.combine(day, END, tzinfo=zone).astimezone(UTC)


def zone_of(name: str) -> tzinfo:
    """Return the zone a person chose; without one nobody knows, so it is UTC."""
    return ZoneInfo(name) if name in _ZONES else UTC
