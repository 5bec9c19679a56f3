"""Absolute addresses: always those of ``SITE_URL``, for any host asked for.

A Host header is the caller's to choose. A link built from it would carry the token of
a reset mail to another machine, so no address that leaves the process is.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri

View = Callable[..., HttpResponse]
# What routes call the part of an address that is a secret; a test knows all the others.
SECRET_PARAMETERS = frozenset({"key", "share", "token"})


def on_site(path: str) -> str:
    """Return the absolute address of ``path``; one with a host loses that host."""
    parts = urlsplit(path)
    local = parts._replace(scheme="", netloc="").geturl()
    return iri_to_uri(urljoin(f"{settings.SITE_URL}/", local))


def path_to_keep(request: HttpRequest) -> str:
    """Return the path of a request without the secret it may hold.

    An invitation, a quote, a shared chat and a way to a new password are addresses; a
    log of addresses must not become a bunch of keys.
    """
    path = request.path
    match = request.resolver_match
    for name, value in match.kwargs.items() if match else ():
        if name in SECRET_PARAMETERS:
            path = path.replace(str(value), "…")
    return path


def site_addresses(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer every library that asks the request for an address with the site's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        def build_absolute_uri(location: str | None = None) -> str:
            return on_site(request.get_full_path() if location is None else location)

        request.build_absolute_uri = build_absolute_uri  # type: ignore[method-assign]
        return get_response(request)

    return middleware


def as_asked_on_site(view: View) -> View:
    """Show the site's own host to a view that names the host it was asked for.

    For Django's feeds and site maps, which know no other way.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        site = urlsplit(settings.SITE_URL)
        request.get_host = lambda: site.netloc  # type: ignore[method-assign]
        request._get_scheme = lambda: site.scheme  # type: ignore[attr-defined]  # noqa: SLF001
        return view(request, *args, **kwargs)

    return wrapped
