"""Where a visit came from, in the words of the funnel's sources."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from core.reading import UnreadableValue, Values

_SEARCH_ENGINE = re.compile(
    r"(?:^|\.)(?:google|bing|baidu|duckduckgo|sogou|yandex|ecosia|kagi)\."
)
DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Origin:
    """A first touch: campaign parameters first, then the referrer, then direct."""

    source: str
    medium: str
    campaign: str
    referrer: str
    landing_path: str


def origin_of(request: HttpRequest) -> Origin:
    """Read the origin of a first page view. Values are cut to what is stored."""
    referrer, host = _referrer(request)
    source, medium = _from_host(host)
    return Origin(
        source=_parameter(request, "utm_source").lower()[:80] or source[:80],
        medium=_parameter(request, "utm_medium").lower()[:80] or medium,
        campaign=_parameter(request, "utm_campaign")[:120],
        referrer=referrer[:300],
        landing_path=request.path[:300],
    )


def _parameter(request: HttpRequest, name: str) -> str:
    try:
        # An address is no longer than that; it is cut to its column afterwards.
        return Values(request.GET).text(name, most=2000)
    except UnreadableValue:
        # A campaign's address may hold nonsense; the page is shown all the same.
        return ""


def _referrer(request: HttpRequest) -> tuple[str, str]:
    """Return the page and the host a visitor came from; our own counts as none."""
    try:
        parts = urlsplit(request.headers.get("Referer", ""))
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    ours = {urlsplit(settings.SITE_URL).hostname, request.get_host().split(":")[0]}
    if parts.scheme not in {"http", "https"} or host in ours:
        return "", ""
    # Only where from: a query string or a name of another site is none of our business.
    return f"{parts.scheme}://{host}{parts.path}", host


def _from_host(host: str) -> tuple[str, str]:
    if not host:
        return DIRECT, ""
    if _SEARCH_ENGINE.search(host):
        return "search", "organic"
    return host.removeprefix("www."), "referral"
