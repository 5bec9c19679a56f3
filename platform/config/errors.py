"""Errors no view answers: pages for people, JSON for callers of the REST API."""

import sys

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from core.errors import unavailable
from design import views as pages
from edge.rest import PREFIX, refusal

# Senders of webhooks are programs: they read the status and send again later.
_PROGRAMS = (PREFIX, "/hooks/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(PREFIX):
        return pages.bad_request(request, exception)
    return refusal("bad_request", _("The request is malformed."), status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(PREFIX):
        return pages.permission_denied(request, exception)
    return refusal("permission_denied", _("You may not do that."), status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(PREFIX):
        return pages.page_not_found(request, exception)
    return refusal("not_found", _("There is no such address."), status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no view caught: 503 while a server is away, 500 for our mistakes.

    Django calls this inside its ``except``, for views and middleware alike.
    """
    away = unavailable(sys.exception())
    if not request.path.startswith(_PROGRAMS):
        return (
            pages.server_error(request) if away is None else pages.away(request, away)
        )
    if away is None:
        detail = _("Something broke on our side. The request id names it in our log.")
        return refusal("server_error", detail, status=500)
    return refusal(
        away.code, str(away), status=away.status, retry_after=away.retry_after
    )
