from typing import Any, cast

from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.decorators import has_signed_in_recently
from accounts.exceptions import RecentSignInRequired
from accounts.models import PersonalAccessToken, User
from accounts.second_factor import SecondFactorRequired, is_overdue
from accounts.tokens import PREFIX, find_token


class TokenAuthentication(BaseAuthentication):
    """Signs in ``Authorization: Bearer dsp_…`` personal access tokens."""

    def authenticate(self, request: Request) -> tuple[User, PersonalAccessToken] | None:
        kind, _, secret = (
            get_authorization_header(request).decode("latin-1").partition(" ")
        )
        if kind.lower() != "bearer" or not secret.startswith(PREFIX):
            return None
        token = find_token(secret.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is not valid.")
        if is_overdue(token.user):
            # It reads and writes what its person may, so it is the same door.
            raise SecondFactorRequired
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def has_scope(scope: str) -> type[BasePermission]:
    """Return a permission: a token needs ``scope`` to write; a session has them all."""

    class HasScope(BasePermission):
        message = f"The token has no scope {scope}."

        def has_permission(self, request: Request, view: Any) -> bool:
            if request.method in SAFE_METHODS or request.auth is None:
                return True
            token = request.auth
            return isinstance(token, PersonalAccessToken) and scope in token.scopes

    return HasScope


class RecentSignIn(BasePermission):
    """A session changes here what its pages let it change: after a recent sign-in.

    A token has no screen that could be left open.
    """

    code = RecentSignInRequired.code
    message = RecentSignInRequired.message

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method in SAFE_METHODS or is_confirmed(request)


def is_confirmed(request: Request) -> bool:
    """Tell whether a caller may do what costs money: a token, or a recent sign-in."""
    is_session = isinstance(request.successful_authenticator, SessionAuthentication)
    return not is_session or has_signed_in_recently(cast(HttpRequest, request))


def caller(request: Request) -> User:
    """Return who calls; a permission of the view has let nobody else in."""
    return cast(User, request.user)
