"""However Stripe's events arrive, the same state comes of them in the end."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation
from billing.conversion.models import Account, Developer
from billing.conversion.rebuilding import rebuild
from billing.ledger.models import Invoice
from billing.plans.queries import offer_for
from billing.subscriptions import services
from billing.subscriptions.models import Subscription
from entitlements.queries import entitlements_for
from jobs.models import Job
from jobs.working import sweep
from outbox.models import Event
from tests.factories.billing import SECRET, signature, team_of
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db
# Some of them once found a refund before its payment, a renewal before its purchase.
SEEDS = (0, 1, 2, 3, 7, 9, 21)


@dataclass
class Life:
    """What happens to one customer at Stripe, and the post that tells of it."""

    shop: StripeEmulator
    organisation: Organisation
    buyer: Any
    session_url: str = ""
    told: set[str] = field(default_factory=set)
    post: list[dict[str, Any]] = field(default_factory=list)

    def buy(self) -> None:
        price = offer_for("pro").prices["month"]
        intent = services.open_checkout(self.organisation, user=self.buyer, price=price)
        assert self.shop.pay_checkout(intent.session_url).status_code == 303

    def upgrade(self) -> None:
        subscription = self.subscription
        self.client.subscriptions.update(
            subscription["id"],
            {
                "items": [
                    {
                        "id": subscription["items"]["data"][0]["id"],
                        "price": offer_for("team").prices["month"].stripe_price_id,
                        "quantity": 3,
                    }
                ],
                "proration_behavior": "always_invoice",
            },
        )

    def fail_to_renew(self) -> None:
        self._use_card("pm_card_chargeCustomerFail")
        self.shop.advance(days=32)
        assert self.subscription["status"] == "past_due"

    def recover(self) -> None:
        card = self._use_card("pm_card_visa")
        (owed,) = self.client.invoices.list({"status": "open"}).data
        self.client.invoices.pay(owed.id, {"payment_method": card})
        assert self.subscription["status"] == "active"

    def refund(self) -> None:
        (intent, *_) = self.client.payment_intents.list({"limit": 100}).data
        self.client.refunds.create({"payment_intent": intent.id, "amount": 500})

    def cancel(self) -> None:
        self.client.subscriptions.cancel(self.subscription["id"])

    @property
    def client(self) -> Any:
        return self.shop.client().v1

    @property
    def subscription(self) -> dict[str, Any]:
        (found,) = self.client.subscriptions.list({"status": "all"}).data
        subscription: dict[str, Any] = found.to_dict(for_json=True)
        return subscription

    def collect(self) -> None:
        """Fetch from the box what happened since the last time, oldest first."""
        events = self.client.events.list({"limit": 100}).auto_paging_iter()
        fresh = [event for event in events if event.id not in self.told]
        self.told |= {event.id for event in fresh}
        self.post += [event.to_dict(for_json=True) for event in reversed(fresh)]

    def deliver(self, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        answer = Client().post(
            "/hooks/stripe/",
            data=body,
            content_type="application/json",
            headers={"Stripe-Signature": signature(body, secret=SECRET)},
        )
        assert answer.status_code == 200

    def _use_card(self, card: str) -> str:
        customer = self.subscription["customer"]
        method = self.client.payment_methods.attach(card, {"customer": customer})
        self.client.customers.update(
            customer, {"invoice_settings": {"default_payment_method": method.id}}
        )
        self.client.subscriptions.update(
            self.subscription["id"], {"default_payment_method": method.id}
        )
        return str(method.id)


def work_off() -> None:
    while sweep("webhook"):
        pass


def second_of(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=0) if moment else None


def state_of(organisation: Organisation) -> dict[str, Any]:
    """Return everything that must not depend on the order of the post."""
    subscription = Subscription.objects.get()
    account = Account.objects.get(pk=organisation.pk)
    developer = Developer.objects.get(pk=account.developer_id)
    invoices = Invoice.objects.order_by("issued_at", "pk")
    assert subscription.plan_version is not None
    return {
        "subscription": (
            subscription.status,
            subscription.plan_version.plan.key,
            subscription.seats,
            subscription.granted_plan,
            subscription.first_failed_at,
            subscription.items.count(),
        ),
        "plan": entitlements_for(organisation.pk).plan,
        "invoices": [
            (
                row.billing_reason,
                row.status,
                row.revenue > 0,
                row.is_first,
                row.amount_refunded,
                row.payments.filter(status="paid").count(),
            )
            for row in invoices
        ],
        "revenue": (account.revenue, developer.revenue)
        == (sum(row.revenue for row in invoices) - 500,) * 2,
        "first_paid_at": account.first_paid_at == developer.paid_at,
        "paid_at": second_of(developer.paid_at) == invoices[0].paid_at,
        "told": sorted(
            Event.objects.filter(
                name__in=["InvoicePaid", "PaymentRefunded"]
            ).values_list("name", flat=True)
        ),
        "waiting": Job.objects.unfinished().filter(kind="webhook").count(),
    }


EXPECTED = {
    "subscription": ("canceled", "team", 3, "", None, 1),
    "plan": "free",
    "invoices": [
        ("subscription_create", "paid", True, True, 0, 1),
        ("subscription_update", "paid", True, False, 0, 1),
        ("subscription_cycle", "paid", True, False, 500, 1),
    ],
    "revenue": True,
    "first_paid_at": True,
    "paid_at": True,
    "told": ["InvoicePaid"] * 3 + ["PaymentRefunded"],
    "waiting": 0,
}


@pytest.fixture
def life(shop: StripeEmulator, person: Callable[..., Any]) -> Life:
    ada = person("ada")
    return Life(shop, team_of(ada), ada)


@pytest.mark.parametrize("seed", SEEDS)
def test_late_doubled_and_shuffled_events_end_in_one_state(
    life: Life, deliver_outbox: Callable[[], int], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    waiting: list[dict[str, Any]] = []
    for happens in (
        life.buy,
        life.upgrade,
        life.fail_to_renew,
        life.recover,
        life.refund,
        life.cancel,
    ):
        happens()
        life.collect()
        waiting, life.post = waiting + life.post, []
        # Some of what is waiting arrives now, in no order; the rest comes late.
        chance.shuffle(waiting)
        arriving = chance.randrange(len(waiting) + 1)
        for event in waiting[:arriving]:
            for _ in range(chance.choice([1, 1, 2, 3])):
                life.deliver(event)
        # What has arrived is sometimes sent again later.
        waiting = waiting[arriving:] + waiting[:arriving][:3]
        if chance.random() < 0.7:
            work_off()
        if chance.random() < 0.5:
            deliver_outbox()
    chance.shuffle(waiting)
    for event in waiting:
        life.deliver(event)
        if chance.random() < 0.2:
            work_off()
    work_off()
    deliver_outbox()

    assert state_of(life.organisation) == EXPECTED
    assert rebuild() == []


def test_events_that_come_at_once_and_in_order_end_in_the_same_state(
    life: Life, deliver_outbox: Callable[[], int]
) -> None:
    for happens in (
        life.buy,
        life.upgrade,
        life.fail_to_renew,
        life.recover,
        life.refund,
        life.cancel,
    ):
        happens()
        life.collect()
        for event in life.post:
            life.deliver(event)
            work_off()
            deliver_outbox()
        life.post = []

    assert state_of(life.organisation) == EXPECTED
    assert rebuild() == []
