"""A page instead of the empty answer some refusals come with."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import is_valid_path

from design.views import error_page

# These answer programs, in their own dialects.
_PROGRAMS = ("/api/", "/v1/", "/hooks/")
_STATUSES = frozenset({405, 413, 429, 503})


def error_pages(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Say in words what an empty 405, 413, 429 or 503 means; headers stay.

    A GET of a form's own address, by Enter in the address bar or after a change of
    language, leads to the page the form is on. An address with a NUL in it is unknown.
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
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and _is_visit(request):
            return HttpResponseRedirect(_page_above(request.path))
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


def _is_visit(request: HttpRequest) -> bool:
    """Tell a browser that opens a page from a program and from a page's script."""
    return (
        request.method in {"GET", "HEAD"}
        and "text/html" in request.headers.get("Accept", "")
        and "HX-Request" not in request.headers
        and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    )


def _page_above(path: str) -> str:
    """Return the nearest page above ``path``; the top one always exists.

    A part that begins with "_" is a fragment's and no page.
    """
    parts = path.strip("/").split("/")
    while parts:
        parts.pop()
        above = f"/{'/'.join(parts)}/" if parts else "/"
        if not above.rsplit("/", 2)[-2].startswith("_") and is_valid_path(above):
            return above
    return "/"
