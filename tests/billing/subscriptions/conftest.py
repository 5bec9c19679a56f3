"""A team on a plan and who looks after its money, and two with a life behind them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation
from billing.ledger.models import Refund
from billing.subscriptions import queries
from billing.subscriptions.models import Subscription
from tests.billing.subscriptions.reconciling import run
from tests.factories.billing import customer_of, team_of
from tests.fakes.stripe_emulator import StripeEmulator
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


@pytest.fixture
def orgs(person: Callable[..., Any]) -> list[Organisation]:
    return [team_of(person("ada")), team_of(person("ben"), "Helios")]


@pytest.fixture
def life(
    shop: StripeEmulator,
    orgs: list[Organisation],
    buy: Callable[..., Any],
    deliver_outbox: Callable[[], int],
) -> StripeEmulator:
    """Two customers with everything that can be mirrored, all of it in order."""
    for org, plan, seats in ((orgs[0], "team", 5), (orgs[1], "pro", 1)):
        buy(org, org.memberships.get().user, plan=plan, seats=seats)
    v1 = shop.client().v1
    subscription = queries.live_subscription(orgs[0])
    assert subscription is not None
    coupon = v1.coupons.create({"percent_off": 20, "duration": "forever"})
    [item] = v1.subscriptions.retrieve(subscription.stripe_id)["items"].data
    v1.subscriptions.update(
        subscription.stripe_id,
        {
            "discounts": [{"coupon": coupon.id}],
            "items": [{"id": item.id, "discounts": [{"coupon": coupon.id}]}],
        },
    )
    shop.advance(days=32)
    paid = v1.invoices.list({"customer": customer_of(orgs[0])}).data
    v1.credit_notes.create(
        {
            "invoice": paid[-1].id,
            "amount": 500,
            "refund_amount": 300,
            "out_of_band_amount": 200,
        }
    )
    run()
    deliver_outbox()
    assert run() == []
    assert Refund.objects.count() == 2
    return shop
