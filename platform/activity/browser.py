"""What a browser says about itself."""

from functools import lru_cache

from crawleruseragents import is_crawler
from django.http import HttpRequest

# Every browser has begun so since 1994, but for those that show text alone.
_BROWSERS = ("Mozilla/", "Opera/", "Lynx/", "w3m/", "Links ", "ELinks/")
# Programs that say so, and that the list does not know.
_TOOLS = ("PowerShell/", "Cypress/")
LONGEST_AGENT = 200  # what tells programs apart stands at the beginning


def is_bot(request: HttpRequest) -> bool:
    """Tell whether it is no person: it says so, or does not say that it is a browser.

    ``crawler-user-agents`` is the list of who says so.
    """
    return _is_program(agent_of(request))


def agent_of(request: HttpRequest) -> str:
    """Return what the browser calls itself, cut where nothing is told any more."""
    return request.headers.get("User-Agent", "")[:LONGEST_AGENT]


# Some hundred kinds of browsers make most views; hundreds of patterns take 0.1 ms.
@lru_cache(maxsize=10_000)
def _is_program(agent: str) -> bool:
    is_tool = any(tool in agent for tool in _TOOLS)
    return not agent.startswith(_BROWSERS) or is_tool or is_crawler(agent)


def is_prefetching(request: HttpRequest) -> bool:
    """Tell whether the browser only fetches ahead what nobody has asked for yet."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get(
        "Purpose", ""
    )
    return "prefetch" in purpose


def asks_not_to_be_known(request: HttpRequest) -> bool:
    """Tell whether it sends Do Not Track or Global Privacy Control."""
    return "1" in {request.headers.get("DNT"), request.headers.get("Sec-GPC")}
