"""A Stripe to buy from: the emulator in a process of its own."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories.billing import SECRET
from tests.fakes.stripe_emulator import (
    StripeEmulator,
    stripe_emulator,
    stripe_emulator_process,
)

__all__ = ["stripe_emulator", "stripe_emulator_process"]


@pytest.fixture
def shop(stripe_emulator: StripeEmulator, settings: Any, db: None) -> StripeEmulator:
    """An emulator the product is pointed at and that sells the default plans."""
    from billing.plans.services import ensure_default_plans
    from billing.stripe.catalogue import sync_plans

    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    settings.STRIPE_API_BASE = stripe_emulator.url
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    ensure_default_plans()
    list(sync_plans())
    return stripe_emulator


@pytest.fixture
def buy(shop: StripeEmulator) -> Callable[..., Any]:
    """Return a function that subscribes an organisation through the hosted page."""

    def subscribe(
        organisation: Any, user: Any, *, plan: str = "pro", seats: int = 1
    ) -> Any:
        from billing.plans.queries import offer_for
        from billing.subscriptions import queries, services

        price = offer_for(plan).prices["month"]
        intent = services.open_checkout(
            organisation, user=user, price=price, seats=seats
        )
        assert shop.pay_checkout(intent.session_url).status_code == 303
        services.fulfil_checkout(intent.stripe_session_id or "")
        return queries.live_subscription(organisation)

    return subscribe
