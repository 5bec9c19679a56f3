"""A team on a plan, and the browser of who looks after its money."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing.subscriptions.models import Subscription
from tests.factories.billing import team_of
from tests.signing_in import record_sign_in


@pytest.fixture
def team(person: Callable[..., Any], buy: Callable[..., Any]) -> Subscription:
    """A team of five seats, by the month."""
    ada = person("ada")
    row: Subscription = buy(team_of(ada), ada, plan="team", seats=5)
    return row


@pytest.fixture
def ada(team: Subscription) -> Client:
    client = Client()
    assert team.user is not None
    client.force_login(team.user)
    record_sign_in(client, team.user)
    return client
