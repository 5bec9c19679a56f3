"""Requests of somebody who is known."""

from accounts.models import Organisation, User
from edge.types import PageRequest


class AuthenticatedHttpRequest(PageRequest):
    """A request of somebody who is signed in."""

    user: User


class OrganisationHttpRequest(AuthenticatedHttpRequest):
    """A console request: ``organisation`` is one the user belongs to."""

    organisation: Organisation
