from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request


class TokenAuthentication(BaseAuthentication):
    """Signs in ``Authorization: Bearer dsp_…`` personal access tokens."""

    def authenticate(self, request: Request) -> None:
        return None
