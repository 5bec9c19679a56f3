"""Money taken back: the plan waits, staff are called, every sum follows."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organisation
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.ledger import checks
from billing.ledger.models import Invoice, Refund
from billing.plans.queries import offer_for
from billing.stripe import adapter
from billing.subscriptions import mirror, queries, services
from billing.subscriptions.models import Case
from billing.subscriptions.revenue import revenue
from entitlements.queries import entitlements_for
from jobs.working import sweep
from notifications.models import Notification
from outbox.models import Event
from tests.factories.billing import SECRET, customer_of, signature, team_of
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db
DISPUTED = "4000000000000259"


class Post:
    """What Stripe sends about one account, delivered when a test says so."""

    def __init__(self, shop: StripeEmulator) -> None:
        self.shop = shop
        self.told: set[str] = set()

    def deliver(self, *, order: random.Random | None = None) -> None:
        found = self.shop.client().v1.events.list({"limit": 100}).auto_paging_iter()
        fresh = [event for event in found if event.id not in self.told][::-1]
        self.told |= {event.id for event in fresh}
        waiting = [event.to_dict(for_json=True) for event in fresh]
        if order is not None:
            waiting = [event for event in waiting for _ in range(order.choice([1, 2]))]
            order.shuffle(waiting)
        for event in waiting:
            body = json.dumps(event).encode()
            answer = Client().post(
                "/hooks/stripe/",
                data=body,
                content_type="application/json",
                headers={"Stripe-Signature": signature(body, secret=SECRET)},
            )
            assert answer.status_code == 200
        while sweep("webhook"):
            pass


@pytest.fixture
def post(shop: StripeEmulator) -> Post:
    return Post(shop)


@pytest.fixture
def org(person: Callable[..., Any]) -> Organisation:
    return team_of(person("ada"))


@pytest.fixture
def staff(person: Callable[..., Any]) -> Any:
    return person("staff", is_staff=True)


def buy_disputed(shop: StripeEmulator, org: Organisation) -> Any:
    """Buy Pro with the card whose bank takes the money back."""
    owner = org.memberships.get().user
    price = offer_for("pro").prices["month"]
    intent = services.open_checkout(org, user=owner, price=price)
    assert shop.pay_checkout(intent.session_url, DISPUTED).status_code == 303
    (dispute,) = shop.client().v1.disputes.list().data
    return dispute


def net(org: Organisation) -> tuple[int, int, int]:
    """Return net revenue as staff, the ledger and conversion know it."""
    ledger = sum(Invoice.objects.values_list("revenue", flat=True)) - sum(
        Refund.objects.gone().values_list("revenue", flat=True)
    )
    return revenue().net, ledger, Account.objects.get(pk=org.pk).revenue


def test_a_dispute_holds_the_plan_and_calls_staff(
    shop: StripeEmulator,
    post: Post,
    org: Organisation,
    staff: Any,
    deliver_outbox: Callable[[], int],
) -> None:
    dispute = buy_disputed(shop, org)

    post.deliver()
    deliver_outbox()

    subscription = queries.live_subscription(org)
    case = Case.objects.get()
    assert entitlements_for(org.pk).plan == "free"
    assert subscription is not None
    assert subscription.frozen_at is not None
    assert (case.kind, case.object_id, case.organisation) == (
        "dispute",
        dispute.id,
        org,
    )
    assert case.due_at is not None
    assert Notification.objects.filter(user=staff, kind="billing").count() == 1
    # Nothing is lost yet, so nothing is taken off yet.
    assert net(org) == (2_000, 2_000, 2_000)
    client = Client()
    client.force_login(org.memberships.get().user)
    page = client.get(f"/console/{org.slug}/billing/").content.decode()
    assert "A payment was disputed at the bank." in page


def test_a_won_dispute_gives_everything_back(
    shop: StripeEmulator, post: Post, org: Organisation, deliver_outbox: Any
) -> None:
    dispute = buy_disputed(shop, org)
    post.deliver()

    shop.client().v1.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    post.deliver()
    deliver_outbox()

    assert entitlements_for(org.pk).plan == "pro"
    assert Case.objects.get().closed_at is not None
    assert net(org) == (2_000, 2_000, 2_000)
    assert not Event.objects.filter(name="PaymentRefunded").exists()


def test_a_lost_dispute_is_negative_revenue_until_somebody_pays_again(
    shop: StripeEmulator, post: Post, org: Organisation, deliver_outbox: Any
) -> None:
    dispute = buy_disputed(shop, org)
    post.deliver()
    shop.client().v1.disputes.close(dispute.id)

    for _ in range(2):
        post.deliver()
    deliver_outbox()

    assert entitlements_for(org.pk).plan == "free"
    assert net(org) == (0, 0, 0)
    assert Event.objects.filter(name="PaymentRefunded").count() == 1
    assert rebuild() == []
    assert [found for check in checks.CHECKS for found in check()] == []

    method = shop.client().v1.payment_methods.attach(
        "pm_card_visa", {"customer": customer_of(org)}
    )
    subscription = queries.live_subscription(org)
    assert subscription is not None
    shop.client().v1.subscriptions.update(
        subscription.stripe_id, {"default_payment_method": method.id}
    )
    shop.advance(days=32)
    post.deliver()
    deliver_outbox()

    assert entitlements_for(org.pk).plan == "pro"
    assert net(org)[1:] == (2_000, 2_000)


@pytest.mark.parametrize("seed", range(4))
def test_in_any_order_the_same_is_left(
    shop: StripeEmulator,
    post: Post,
    org: Organisation,
    deliver_outbox: Any,
    seed: int,
) -> None:
    dispute = buy_disputed(shop, org)
    shop.client().v1.disputes.close(dispute.id)

    post.deliver(order=random.Random(seed))  # noqa: S311
    deliver_outbox()

    assert entitlements_for(org.pk).plan == "free"
    assert net(org) == (0, 0, 0)
    assert Case.objects.filter(closed_at=None).count() == 0
    assert rebuild() == []


@pytest.mark.parametrize(
    ("shares", "left"),
    [
        ({"refund_amount": 500}, 1_500),
        ({"out_of_band_amount": 500}, 1_500),
        # What becomes credit has not left; it makes the next invoice bring less.
        ({"credit_amount": 500}, 2_000),
        (
            {"refund_amount": 200, "out_of_band_amount": 100, "credit_amount": 200},
            1_700,
        ),
    ],
)
def test_a_credit_note_takes_off_what_left_once(
    shop: StripeEmulator,
    post: Post,
    org: Organisation,
    buy: Callable[..., Any],
    deliver_outbox: Any,
    shares: dict[str, int],
    left: int,
) -> None:
    buy(org, org.memberships.get().user)
    invoice = Invoice.objects.get()
    params: Any = {"invoice": invoice.stripe_id, "amount": 500, **shares}
    shop.client().v1.credit_notes.create(params)

    post.deliver(order=random.Random(1))  # noqa: S311
    deliver_outbox()

    assert net(org) == (left, left, left)
    assert rebuild() == []


def test_news_of_a_refund_that_is_older_than_what_is_known_changes_nothing(
    shop: StripeEmulator, org: Organisation, buy: Callable[..., Any]
) -> None:
    buy(org, org.memberships.get().user)
    (intent,) = shop.client().v1.payment_intents.list().data
    made = shop.client().v1.refunds.create({"payment_intent": intent.id, "amount": 800})
    refund = adapter.fetch_refund(made.id)
    early = timezone.now()
    late = early + timedelta(milliseconds=1)

    # Two workers fetched; the one that was first writes last.
    mirror.apply_refund(replace(refund, status="succeeded"), fetched_at=late)
    mirror.apply_refund(replace(refund, status="pending"), fetched_at=early)

    assert Refund.objects.get().status == "succeeded"
    assert not Event.objects.filter(name="PaymentRestored").exists()


def test_news_of_a_dispute_that_is_older_than_what_is_known_changes_nothing(
    shop: StripeEmulator, org: Organisation, staff: Any
) -> None:
    dispute = adapter.fetch_dispute(buy_disputed(shop, org).id)
    early = timezone.now()
    late = early + timedelta(milliseconds=1)

    mirror.apply_dispute(replace(dispute, status="lost"), fetched_at=late)
    mirror.apply_dispute(replace(dispute, status="needs_response"), fetched_at=early)

    assert Refund.objects.get().status == "lost"
    assert not Case.objects.filter(kind="dispute", closed_at=None).exists()
    assert not Event.objects.filter(name="PaymentRestored").exists()


def test_a_refund_that_fails_later_is_told_as_money_restored(
    shop: StripeEmulator,
    org: Organisation,
    buy: Callable[..., Any],
    deliver_outbox: Any,
) -> None:
    buy(org, org.memberships.get().user)
    (intent,) = shop.client().v1.payment_intents.list().data
    made = shop.client().v1.refunds.create({"payment_intent": intent.id, "amount": 800})
    fetched = adapter.fetch_refund(made.id)
    begun_at = timezone.now()
    mirror.apply_refund(fetched, fetched_at=begun_at)
    deliver_outbox()
    after_refund = net(org)

    failed_at = begun_at + timedelta(seconds=1)
    mirror.apply_refund(replace(fetched, status="failed"), fetched_at=failed_at)
    deliver_outbox()

    assert after_refund == (1_200, 1_200, 1_200)
    assert net(org) == (2_000, 2_000, 2_000)
    assert Account.objects.get(pk=org.pk).first_paid_at is not None
    assert rebuild() == []


def test_a_case_is_settled_by_staff_with_a_word(
    shop: StripeEmulator, post: Post, org: Organisation, staff: Any
) -> None:
    buy_disputed(shop, org)
    post.deliver()
    case = Case.objects.get()
    client = Client()
    client.force_login(staff)
    address = f"/staff/revenue/cases/{case.pk}/close/"

    page = client.get("/staff/revenue/cases/").content.decode()
    client.post(address, {"note": " "})
    still_open = Case.objects.get().closed_at is None
    client.post(address, {"note": "Evidence sent"})
    stranger = Client()
    stranger.force_login(org.memberships.get().user)

    case.refresh_from_db()
    assert case.object_id in page
    assert still_open
    assert (case.note, case.closed_by) == ("Evidence sent", staff)
    assert stranger.get("/staff/revenue/cases/").status_code == 403
    assert stranger.post(address, {"note": "x"}).status_code == 403
