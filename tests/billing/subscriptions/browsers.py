"""A browser that somebody signed in with a moment ago."""

from typing import Any

from django.test import Client

from tests.signing_in import record_sign_in


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    record_sign_in(client, user)
    return client
