"""Requests as the views know them."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from accounts.models import Organisation, User


class PageRequest(HttpRequest):
    """A request that passed every middleware."""

    htmx: "HtmxDetails"
    id: str
    visitor_id: str


class AuthenticatedHttpRequest(PageRequest):
    """A request of somebody who is signed in."""

    user: "User"


class OrganisationHttpRequest(AuthenticatedHttpRequest):
    """A console request: ``organisation`` is one the user belongs to."""

    organisation: "Organisation"
