"""Language, time zone and theme: as a person chose, else as their browser says.

What is chosen belongs to the person and holds on every device, in mails and in files;
a cookie speaks for a visitor, and for a browser whose person has chosen nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation

from accounts.models import User

THEME_COOKIE = "ds_theme"
# Written by time.js: the name of the browser's own zone.
TIME_ZONE_COOKIE = "ds_time_zone"
THEMES = (User.Theme.LIGHT.value, User.Theme.DARK.value)
_ZONES = frozenset(available_timezones())


def time_zone_of(request: HttpRequest) -> tzinfo:
    """Return the zone the reader of a page lives in; UTC when nothing says."""
    chosen = getattr(_reader(request), "time_zone", "")
    return _zone(chosen) or _zone(request.COOKIES.get(TIME_ZONE_COOKIE, "")) or UTC


def theme_of(request: HttpRequest) -> str:
    """Return ``light`` or ``dark``; empty where the system decides."""
    chosen = getattr(_reader(request), "theme", "")
    theme = chosen or request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def _reader(request: HttpRequest) -> object:
    # A request that is refused at the door, for its host say, has no reader yet.
    return getattr(request, "user", None)


def browser_settings(request: HttpRequest) -> dict[str, str]:
    """Return the language, time zone and theme a browser asks for by itself."""
    zone = request.COOKIES.get(TIME_ZONE_COOKIE, "")
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "language": translation.get_language() or "",
        "time_zone": zone if zone in _ZONES else "",
        "theme": theme if theme in THEMES else "",
    }


@contextmanager
def speak_to(user: User) -> Iterator[None]:
    """Say what follows in the language and the time zone of ``user``."""
    language = user.locale or settings.LANGUAGE_CODE
    zone = _zone(user.time_zone) or UTC
    with translation.override(language), timezone.override(zone):
        yield


def _zone(name: str) -> tzinfo | None:
    # A set, since a name from outside must not become the path of a file.
    return ZoneInfo(name) if name in _ZONES else None
