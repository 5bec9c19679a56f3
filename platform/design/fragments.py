"""A part of a page that another app answers, written into the page as it is made."""

import copy
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, QueryDict
from django.urls import resolve

from core.errors import DomainError


def fragment_of(request: HttpRequest, address: str) -> str:
    """Return the HTML that ``address`` answers to the reader of ``request``'s page.

    Its view is called in this process, with a GET of its own: no middleware sees it.
    Empty where it refuses, answers anything but 200 or cannot be read at the moment.
    """
    parts = urlsplit(address)
    match = resolve(parts.path)
    inner = copy.copy(request)
    inner.method = "GET"
    inner.path = inner.path_info = parts.path
    inner.GET, inner.POST = QueryDict(parts.query), QueryDict("")
    inner.resolver_match = match
    try:
        response = match.func(inner, *match.args, **match.kwargs)
    except (DomainError, Http404, PermissionDenied, InterfaceError, OperationalError):
        return ""
    return response.content.decode() if response.status_code == 200 else ""
