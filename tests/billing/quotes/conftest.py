"""A team that buys, and staff who sell to it."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Organisation, User
from accounts.services import create_organisation
from billing.plans.services import ensure_default_plans
from tests.factories.billing import default_price


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def owner(person: Callable[..., Any]) -> User:
    found: User = person("erika")
    return found


@pytest.fixture
def team(owner: User) -> Organisation:
    return create_organisation("Nordwind", owner=owner)


@pytest.fixture
def seller(person: Callable[..., Any]) -> User:
    found: User = person("seller", is_staff=True)
    return found


@pytest.fixture
def plans(db: None) -> None:
    """The default plans, as if Stripe knew the one that is sold by quote."""
    ensure_default_plans()
    default_price("enterprise", "year")
