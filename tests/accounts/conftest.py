from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

PASSWORD = "correct horse"


@pytest.fixture
def member(person: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes a person whose address is confirmed."""

    def make(name: str, **fields: object) -> Any:
        user = person(name, **fields)
        EmailAddress.objects.create(
            user=user, email=user.email, verified=True, primary=True
        )
        return user

    return make


@pytest.fixture
def sign_in() -> Callable[..., Client]:
    """Return a function that signs somebody in through the form."""

    def enter(user: Any, password: str = PASSWORD) -> Client:
        client = Client()
        client.post("/accounts/login/", {"login": user.email, "password": password})
        return client

    return enter
