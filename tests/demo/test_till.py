"""The demo's customers are real where Stripe is the emulator."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation
from billing.ledger.models import Invoice
from billing.subscriptions import reconciliation
from billing.subscriptions.mirror import sync_subscription
from billing.subscriptions.models import BillingAccount, Subscription
from billing.subscriptions.services import open_portal
from demo import till
from demo.services import Scale, seed
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db(transaction=True)

TINY = Scale(90, 8, (1, 2), 10, 40, (1, 2), 0)


def test_what_goes_on_is_at_stripe_and_goes_on(
    stripe_emulator: StripeEmulator, settings: Settings
) -> None:
    settings.STRIPE_API_BASE = stripe_emulator.url
    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    call_command("stripe_sync_plans", stdout=StringIO())
    now = timezone.now()

    seed(TINY, seed=42, on_step=lambda what, done: None, now=now)

    northwind = Organisation.objects.get(slug="northwind")
    subscription = Subscription.objects.get(organisation=northwind)
    invoices = Invoice.objects.filter(organisation=northwind).order_by("issued_at")
    assert [invoice.amount_paid for invoice in invoices] == [12_500] * 3
    assert invoices[0].issued_at == subscription.started_at
    live = Subscription.objects.live()
    assert not live.filter(stripe_id__startswith="sub_demo").exists()
    assert live.filter(status="past_due", granted_plan="pro").count() == 1
    found = list(reconciliation.run(since=now + timedelta(days=1)))
    # What was over before the demo begins was never at this Stripe, and says so.
    assert [each for each in found if "_demo" not in each.object_id] == []
    assert open_portal(northwind, return_path="/", language="en").startswith(
        stripe_emulator.url
    )

    assert till.catch_up(now + timedelta(days=31))

    sync_subscription(subscription.stripe_id)
    subscription.refresh_from_db()
    assert subscription.period_end is not None
    assert subscription.period_end > now + timedelta(days=31)


def test_whoever_has_left_is_no_customer_any_more(
    stripe_emulator: StripeEmulator, settings: Settings
) -> None:
    settings.STRIPE_API_BASE = stripe_emulator.url
    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    call_command("stripe_sync_plans", stdout=StringIO())

    seed(TINY, seed=42, on_step=lambda what, done: None)

    ended = Subscription.objects.filter(status="canceled")
    assert ended.exists()
    accounts = BillingAccount.objects.filter(
        organisation__in=ended.values("organisation")
    )
    assert set(accounts.values_list("stripe_customer_id", flat=True)) == {None}


def test_the_demo_is_never_sold_at_the_real_stripe(settings: Settings) -> None:
    settings.STRIPE_API_BASE = "https://api.stripe.com"
    settings.STRIPE_SECRET_KEY = "sk_test_something"

    assert not till.has_emulator()
    assert not till.catch_up(timezone.now())
