"""Knowing a browser again, and noting the pages people look at."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from activity import services
from activity.browser import asks_not_to_be_known, is_bot, is_prefetching
from activity.origin import origin_of, touch_of
from core.errors import RateLimited
from edge.callers import place_of
from stores import limiter

COOKIE = "ds_visitor"
# Who comes back after a year is a new visitor; browsers keep no cookie for 400 days.
LIFETIME = timedelta(days=365)
# One address that keeps losing its cookie is not hundreds of people.
_NEW_PER_MINUTE = 60
_ID = re.compile(r"^v_[0-9a-f]{32}$")
_UNCOUNTED = (
    "/staff/",
    "/static/",
    "/api/",
    "/hooks/",
    "/healthz",
    "/readyz",
)


def visitor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Know a browser by a first-party cookie, unless it asks not to be known."""

    def middleware(request: HttpRequest) -> HttpResponse:
        known = request.COOKIES.get(COOKIE, "")
        is_known = bool(_ID.match(known)) and not asks_not_to_be_known(request)
        request.visitor_id = known if is_known else ""  # type: ignore[attr-defined]
        request.activity_subject = ""  # type: ignore[attr-defined]
        response = get_response(request)
        if known and not request.visitor_id:  # type: ignore[attr-defined]
            # It asks not to be tracked any more, or has another user now.
            response.delete_cookie(COOKIE, samesite="Lax")
        if _is_page_view(request, response):
            if is_bot(request):
                services.record_fetch(request)
            else:
                _record_page_view(request, response)
        return response

    return middleware


def _is_page_view(request: HttpRequest, response: HttpResponse) -> bool:
    return (
        request.method == "GET"
        and response.status_code == 200
        and response.headers.get("Content-Type", "").startswith("text/html")
        and "HX-Request" not in request.headers
        and "/_" not in request.path
        and not request.path.startswith(_UNCOUNTED)
        and not is_prefetching(request)
    )


def _record_page_view(request: HttpRequest, response: HttpResponse) -> None:
    if not request.visitor_id and not asks_not_to_be_known(request):  # type: ignore[attr-defined]
        _meet(request, response)
    match = request.resolver_match
    details: dict[str, Any] = {"view": match.view_name if match else ""}
    # Who asks not to be known is counted, not followed.
    touch = {} if asks_not_to_be_known(request) else touch_of(request)
    if touch:
        details["touch"] = touch
    services.track(
        request,
        "page_viewed",
        subject=request.activity_subject,  # type: ignore[attr-defined]
        **details,
    )


def _meet(request: HttpRequest, response: HttpResponse) -> None:
    try:
        limiter.check("visitor", place_of(request), limit=_NEW_PER_MINUTE, period=60)
    except RateLimited:
        return
    request.visitor_id = services.new_visitor_id()  # type: ignore[attr-defined]
    services.record_visitor(request.visitor_id, origin_of(request))  # type: ignore[attr-defined]
    if request.user.is_authenticated:
        services.link_visitor(request.visitor_id, request.user)  # type: ignore[attr-defined]
    response.set_cookie(
        COOKIE,
        request.visitor_id,  # type: ignore[attr-defined]
        max_age=LIFETIME,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
