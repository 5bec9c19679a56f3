"""The page that says how work on GitHub is credited."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.services import link_identity

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
CONNECT = "Connect GitHub"
UNAVAILABLE = "signing in with GitHub is not set up here."


@pytest.fixture
def github(settings: Any) -> None:
    """Sign-in with GitHub, set up."""
    app = {"client_id": "id", "secret": "secret"}
    settings.SOCIALACCOUNT_PROVIDERS = {"github": {"APPS": [app]}}
    settings.ROOT_URLCONF = "tests.accounts.all_providers"


@pytest.mark.usefixtures("github")
def test_a_member_can_connect_github_where_it_is_set_up(
    client: Client, person: Person
) -> None:
    client.force_login(person("ada"))

    html = client.get("/contributions/").content.decode()

    assert CONNECT in html
    assert UNAVAILABLE not in html


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_nobody_is_sent_to_connect_github_where_it_is_not_set_up(
    client: Client, person: Person, is_signed_in: bool
) -> None:
    if is_signed_in:
        client.force_login(person("ada"))

    html = client.get("/contributions/").content.decode()

    assert UNAVAILABLE in html
    assert CONNECT not in html
    assert "Sign in to connect GitHub" not in html


def test_a_connected_account_is_shown_as_connected(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    link_identity(ada, provider="github", external_id="7", login="ada")
    client.force_login(ada)

    html = client.get("/contributions/").content.decode()

    assert "GitHub is connected" in html
    assert UNAVAILABLE not in html
