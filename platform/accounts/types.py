"""Requests of signed-in users."""

from accounts.models import Organisation, User
from edge.types import PageRequest


class AuthenticatedHttpRequest(PageRequest):
    """A request of a signed-in user."""

    user: User


class OrganisationHttpRequest(AuthenticatedHttpRequest):
    """A console request: ``organisation`` is one the user belongs to."""

    organisation: Organisation
