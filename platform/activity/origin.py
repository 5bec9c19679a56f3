"""Where a visit came from, in the words of the funnel's sources."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

SEARCH_ENGINES = ("google.", "bing.", "baidu.", "duckduckgo.", "sogou.", "yandex.")
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
    referrer = request.headers.get("Referer", "")
    host = urlsplit(referrer).hostname or ""
    if host == urlsplit(settings.SITE_URL).hostname or host == request.get_host():
        host = referrer = ""
    source, medium = _from_host(host)
    return Origin(
        source=(request.GET.get("utm_source") or source).strip().lower()[:80] or DIRECT,
        medium=(request.GET.get("utm_medium") or medium).strip().lower()[:80],
        campaign=request.GET.get("utm_campaign", "").strip()[:120],
        # Only where from: a query string of another site is none of our business.
        referrer=referrer.split("?", 1)[0][:300],
        landing_path=request.path[:300],
    )


def _from_host(host: str) -> tuple[str, str]:
    if not host:
        return DIRECT, ""
    if any(engine in host for engine in SEARCH_ENGINES):
        return "search", "organic"
    return host.removeprefix("www."), "referral"
