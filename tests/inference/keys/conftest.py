"""A team, and a way to sign in as a person does."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.services import create_organisation


@pytest.fixture
def team(person: Callable[..., Any]) -> Any:
    return create_organisation("Northwind", owner=person("erin"))


@pytest.fixture
def signed_in(client: Client) -> Callable[[Any], Client]:
    def sign_in(user: Any) -> Client:
        EmailAddress.objects.get_or_create(
            user=user, email=user.email, verified=True, primary=True
        )
        client.logout()
        client.post(
            "/accounts/login/", {"login": user.email, "password": "correct horse"}
        )
        return client

    return sign_in
