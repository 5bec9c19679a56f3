"""A page instead of the empty answer some refusals come with."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from design.views import error_page

# These answer programs, in their own dialects.
_PROGRAMS = ("/api/", "/v1/", "/hooks/")
_STATUSES = frozenset({405, 413, 429, 503})


def error_pages(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Say in words what an empty 405, 413, 429 or 503 means; headers stay.

    An address with a NUL in it leads nowhere.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path:
            # No name in the database holds it, and PostgreSQL refuses the question.
            return error_page(request, HTTPStatus.NOT_FOUND)
        response = get_response(request)
        if (
            response.status_code not in _STATUSES
            or response.streaming
            or response.content
            or request.path.startswith(_PROGRAMS)
        ):
            return response
        page = error_page(
            request,
            HTTPStatus(response.status_code),
            retry_after=response.get("Retry-After", ""),
        )
        for header in ("Allow", "Retry-After"):
            if header in response:
                page[header] = response[header]
        return page

    return middleware
