from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def visitor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Know a browser again by a first-party cookie."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.visitor_id = ""  # type: ignore[attr-defined]
        return get_response(request)

    return middleware
