"""Signing in as people do, so that pages that ask for a recent sign-in have one."""

from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User


def browser_of(user: User, *, language: str = "en") -> Client:
    """Return the browser of ``user``, who typed their password just now."""
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, verified=True, primary=True
    )
    client = Client(headers={"accept-language": language})
    sent = {"login": user.email, "password": "correct horse"}
    assert client.post("/accounts/login/", sent).status_code == 302
    return client
