"""Signing in as people do, for pages that ask for a recent sign-in; and long ago."""

import time

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


def record_sign_in(
    client: Client, user: User, *, minutes_ago: float = 0, **said: object
) -> None:
    """Note in a session how its owner came in: by password, if not ``said``."""
    session = client.session
    record = {"method": "password", "at": time.time() - 60 * minutes_ago, **said}
    session["account_authentication_methods"] = [record]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def age_sign_in(client: Client, *, minutes: float) -> None:
    """Let ``minutes`` pass since somebody showed who they are in this browser."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 60 * minutes
    session.save()
