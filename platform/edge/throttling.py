"""How many calls of the REST API anybody may make, and saying so in each answer."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.errors import RateLimited
from edge.callers import place_of
from stores import limiter
from stores.limiter import Allowance


class CallLimit(BaseThrottle):
    """Counts calls per person, or per address where nobody is signed in."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Let the call through or raise ``RateLimited`` with the exact wait."""
        user = request.user
        is_known = bool(user and user.is_authenticated)
        limits = settings.REST_CALLS_PER_MINUTE
        key = f"user:{user.pk}" if is_known else place_of(request)
        limit = limits["person" if is_known else "address"]
        try:
            allowance = limiter.check("rest", key, limit=limit, period=60)
        except RateLimited as error:
            _remember(request, error.allowance)
            raise
        _remember(request, allowance)
        return True


def _remember(request: Request, allowance: Allowance | None) -> None:
    # The middleware below sees Django's request, not the framework's around it.
    request._request.allowance = allowance  # type: ignore[attr-defined]  # noqa: SLF001


def rate_limit_headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Tell callers of the REST API what is left of their limit."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        allowance = getattr(request, "allowance", None)
        if isinstance(allowance, Allowance):
            response["RateLimit-Policy"] = (
                f'"calls";q={allowance.limit};w={allowance.period}'
            )
            response["RateLimit"] = (
                f'"calls";r={allowance.remaining};t={allowance.reset}'
            )
        return response

    return middleware
