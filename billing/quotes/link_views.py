"""Quotes by the address in a mail: who has it may read and sign them.

The token says which quote, and of which terms; there is nothing else to look up, so a
stranger cannot ask for another one.
"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from billing.quotes import door as doors
from billing.quotes.door import Door
from billing.quotes.signing import quote_behind
from edge.callers import place_of
from stores import limiter


@require_safe
def open_quote(request: HttpRequest, token: str) -> HttpResponse:
    """Show a quote to who was mailed it."""
    return doors.show(request, _door(token))


@require_http_methods(["GET", "HEAD", "POST"])
def open_buyer(request: HttpRequest, token: str) -> HttpResponse:
    """Correct whom it is made out to."""
    return doors.edit_buyer(request, _door(token))


@require_POST
def open_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Sign it."""
    door = _door(token)
    _limit(request)
    return doors.accept(request, door)


@require_POST
def open_decline(request: HttpRequest, token: str) -> HttpResponse:
    """Say no to it."""
    door = _door(token)
    _limit(request)
    return doors.decline(request, door)


@require_safe
def open_file(request: HttpRequest, token: str) -> HttpResponse:
    """Download it as PDF."""
    return doors.download(_door(token))


def _door(token: str) -> Door:
    return Door(quote=quote_behind(token), can_sign=True, token=token)


def _limit(request: HttpRequest) -> None:
    # Nobody signs more often; who tries is a program. Raises ``RateLimited``.
    limiter.check("quote_signed", place_of(request), limit=30, period=3600)
