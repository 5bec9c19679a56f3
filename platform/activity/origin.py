"""Where a visit came from, in the words of the funnel's sources."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from core.addresses import path_to_keep
from core.reading import UnreadableValue, Values

# Whole hosts: docs.google.com and accounts.google.com search nothing.
_SEARCH_ENGINE = re.compile(
    r"(?:www\.)?google\.(?:com|[a-z]{2}|com?\.[a-z]{2})"
    r"|(?:www|m|cn)\.bing\.com|bing\.com"
    r"|(?:www|m)\.baidu\.com|baidu\.com"
    r"|(?:html\.|lite\.|www\.)?duckduckgo\.com"
    r"|(?:www|m|wap)\.sogou\.com|(?:www|m)\.so\.com"
    r"|(?:www\.)?yandex\.(?:com|[a-z]{2}|com\.tr)|ya\.ru"
    r"|(?:[a-z]{2}\.)?search\.yahoo\.(?:com|co\.jp)"
    r"|(?:www\.)?(?:ecosia\.org|startpage\.com|qwant\.com|kagi\.com)"
    r"|search\.(?:brave|naver)\.com|www\.perplexity\.ai"
)
# Who comes back from signing in or from paying was here before: that is no source.
_RETURNS = re.compile(
    r"accounts\.google\.com|login\.(?:microsoftonline|live)\.com|appleid\.apple\.com"
    r"|(?:checkout|billing|hooks|invoice|js)\.stripe\.com"
    r"|(?:www\.)?paypal\.com|[a-z]*\.alipay\.com|[a-z]+\.okta\.com|[\w-]+\.auth0\.com"
)
# Hosts where only these pages are a sign-in.
_SIGN_IN_PAGES = {
    "github.com": ("/login", "/sessions"),
    "gitlab.com": ("/users/sign_in", "/oauth"),
}
DIRECT = "direct"
# The numbers advertisers give a click, and who sent a person.
_ADDED = ("gclid", "msclkid", "fbclid", "ttclid", "yclid", "bd_vid", "ref")


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
    source, medium = _campaign(request) or _from_host(host)
    return Origin(
        source=source[:80],
        medium=medium[:80],
        campaign=_parameter(request, "utm_campaign")[:120],
        referrer=referrer[:300],
        landing_path=path_to_keep(request)[:300],
    )


def touch_of(request: HttpRequest) -> dict[str, str]:
    """Return where this arrival came from, as the log keeps it; empty within our pages.

    Source, medium, campaign and referrer as of a first touch, and what an
    advertisement or a friend's link adds.
    """
    origin = origin_of(request)
    added = {
        name: value[:200] for name in _ADDED if (value := _parameter(request, name))
    }
    if origin.source == DIRECT and not added:
        return {}
    values = {
        "source": origin.source,
        "medium": origin.medium,
        "campaign": origin.campaign,
        "referrer": origin.referrer,
        **added,
    }
    return {name: value for name, value in values.items() if value}


def _campaign(request: HttpRequest) -> tuple[str, str] | None:
    """Return the source and medium a campaign names; both from there, or neither."""
    source = _parameter(request, "utm_source").lower().lstrip("-")
    return (source, _parameter(request, "utm_medium").lower()) if source else None


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
    # The Stripe emulator's checkout, where it stands in.
    ours.add(urlsplit(settings.STRIPE_API_BASE or "").hostname)
    if parts.scheme not in {"http", "https"} or host in ours:
        return "", ""
    if _is_return(host, parts.path):
        return "", ""
    # Only where from: a query string or a name of another site is none of our business.
    return f"{parts.scheme}://{host}{parts.path}", host


def _is_return(host: str, path: str) -> bool:
    """Tell whether a page is one of signing in or paying."""
    pages = _SIGN_IN_PAGES.get(host, ())
    return bool(_RETURNS.fullmatch(host)) or any(map(path.startswith, pages))


def _from_host(host: str) -> tuple[str, str]:
    if not host:
        return DIRECT, ""
    if _SEARCH_ENGINE.fullmatch(host):
        return "search", "organic"
    return host.removeprefix("www."), "referral"
