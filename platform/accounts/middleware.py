from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def preferred_language(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Let a signed-in person's language win over the browser's and its cookie."""

    def middleware(request: HttpRequest) -> HttpResponse:
        locale = getattr(request.user, "locale", "")
        if locale:
            request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = locale
        return get_response(request)

    return middleware
