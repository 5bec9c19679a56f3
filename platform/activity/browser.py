"""What a browser says about itself."""

import re

from django.http import HttpRequest

_BOT = re.compile(
    r"bot|crawl|spider|slurp|preview|monitor|curl|wget|python|headless(?!chrome)|^$",
    re.IGNORECASE,
)


def is_bot(request: HttpRequest) -> bool:
    """Tell whether it is no person: it says so, or says nothing at all."""
    return bool(_BOT.search(request.headers.get("User-Agent", "")))


def is_prefetching(request: HttpRequest) -> bool:
    """Tell whether the browser only fetches ahead what nobody has asked for yet."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get(
        "Purpose", ""
    )
    return "prefetch" in purpose


def asks_not_to_be_known(request: HttpRequest) -> bool:
    """Tell whether it sends Do Not Track or Global Privacy Control."""
    return "1" in {request.headers.get("DNT"), request.headers.get("Sec-GPC")}
