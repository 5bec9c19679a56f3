"""A request as every view knows it."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails


class PageRequest(HttpRequest):
    """A request that passed every middleware."""

    htmx: "HtmxDetails"
    id: str
    visitor_id: str
