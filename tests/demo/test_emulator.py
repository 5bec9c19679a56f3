"""The demo's customers are real at the emulator, and only there."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation
from billing.ledger.models import Invoice
from billing.plans.models import Price
from billing.subscriptions import reconciliation
from billing.subscriptions.mirror import sync_subscription
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import open_portal
from demo import emulator
from demo.services import Scale
from tests.demo.worlds import make
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db

# Buyers, and next to nothing they talk about.
BUYERS = Scale(60, 4, (1, 2), 10, 40, (1, 2), 0)


def test_what_was_bought_is_at_stripe_and_goes_on(
    stripe_emulator: StripeEmulator, settings: Settings
) -> None:
    settings.STRIPE_API_BASE = stripe_emulator.url
    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    now = timezone.now()

    make(BUYERS, now)

    northwind = Organisation.objects.get(slug="northwind")
    subscription = Subscription.objects.get(organisation=northwind)
    first = Invoice.objects.filter(organisation=northwind).earliest("issued_at")
    assert first.issued_at == subscription.started_at
    # Nothing differs: neither what goes on nor what is over.
    assert list(reconciliation.run(since=now + timedelta(days=1))) == []
    link = open_portal(northwind, return_path="/", language="en")
    assert link.startswith(stripe_emulator.url)

    assert emulator.catch_up(now + timedelta(days=31))

    sync_subscription(subscription.stripe_id)
    subscription.refresh_from_db()
    assert subscription.period_end is not None
    assert subscription.period_end > now + timedelta(days=31)


def test_the_demo_is_never_sold_at_the_real_stripe(settings: Settings) -> None:
    settings.STRIPE_API_BASE = "https://api.stripe.com"
    settings.STRIPE_SECRET_KEY = "sk_test_something"

    assert not emulator.has_emulator()
    assert not emulator.catch_up(timezone.now())
    with emulator.at_hand() as stays:
        assert not stays
        assert settings.STRIPE_API_BASE.startswith("http://127.0.0.1:")
        assert emulator.has_emulator()
    assert settings.STRIPE_API_BASE == "https://api.stripe.com"
    assert not Price.objects.exclude(stripe_price_id=None).exists()
