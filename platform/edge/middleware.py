"""What happens to every request before Django's own middleware."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from core.context import network
from core.context import request_id as current_request_id
from core.errors import DomainError, unavailable
from core.ids import new_public_id
from core.reading import UnreadableValue, field_with_nul
from edge.callers import address_of, network_of, read_address

GetResponse = Callable[[HttpRequest], HttpResponse]
MULTIPART = "multipart/form-data"


def request_id(get_response: GetResponse) -> GetResponse:
    """Give each request an id that is logged, shown on errors and sent back."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.id = new_public_id("req")  # type: ignore[attr-defined]
        token = current_request_id.set(request.id)  # type: ignore[attr-defined]
        try:
            response = get_response(request)
        finally:
            current_request_id.reset(token)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response

    return middleware


def trusted_proxies(get_response: GetResponse) -> GetResponse:
    """Set REMOTE_ADDR to the address the outermost trusted proxy saw.

    With no trusted proxy the header is dropped: anybody can send one. With some it
    names that one address for each of them, since the libraries count hops.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        address = read_address(forwarded, address_of(request))
        request.META["REMOTE_ADDR"] = address
        if settings.TRUSTED_PROXIES:
            request.META["HTTP_X_FORWARDED_FOR"] = ",".join(
                [address] * settings.TRUSTED_PROXIES
            )
        token = network.set(network_of(address))
        try:
            return get_response(request)
        finally:
            network.reset(token)

    return middleware


def security_headers(get_response: GetResponse) -> GetResponse:
    """Add the headers Django does not set, also to errors and files."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()"
        )
        # After an outage nobody asks again who it was: the database is what is away.
        if response.status_code < 500 and _is_signed_in(request):
            response.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def _is_signed_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated


def readable_cookies(get_response: GetResponse) -> GetResponse:
    """Take away cookies with a NUL, which no cookie of ours has.

    Written as ``"\\000"`` it passes every server, and PostgreSQL is asked for a
    session of that name.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        return get_response(request)

    return middleware


def utf8_forms(get_response: GetResponse) -> GetResponse:
    """Refuse a form with files that is in another encoding than our pages: UTF-8.

    Django refuses the other kind of form so, and reads this one by any codec of Python
    that the caller names: UTF-7 writes half characters, and “hex” writes no text.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        encoding = request.encoding or "utf-8"
        if request.content_type == MULTIPART and encoding.lower() != "utf-8":
            # The page that says so reads the form as well, as every page does.
            request.encoding = "utf-8"
            raise BadRequest("A form has to be in UTF-8.")
        return get_response(request)

    return middleware


class DomainErrors:
    """Shows a refusal that a view let rise as a page of its own status.

    A class, because Django hands exceptions of views to ``process_exception``.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Refuse a NUL in any field, also in one that no view reads."""
        # Webhooks and the REST API read bodies that are no forms.
        if request.method == "POST" and getattr(view, "csrf_exempt", False):
            return None
        field = field_with_nul(request)
        if field is None:
            return None
        message = _("“%(field)s” holds a character that nobody can see or keep.")
        return self.process_exception(request, UnreadableValue(field, message))

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Render ``DomainError``; outages and everything else rise to the log."""
        if not isinstance(exception, DomainError) or unavailable(exception):
            return None
        response = render(
            request, "refused.html", {"error": exception}, status=exception.status
        )
        if exception.retry_after is not None:
            response["Retry-After"] = str(exception.retry_after)
        return response
