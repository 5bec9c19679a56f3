"""What we say the next renewal costs is what Stripe says, to the minor unit.

A few cases with every run, all of them with
``CHANGES=all make test-one FILE=tests/billing/subscriptions/test_renewals.py``.
"""

import os
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organisation
from billing.plans.queries import offer_for
from billing.stripe import adapter, lists, objects
from billing.stripe.contracts import find_contract
from billing.subscriptions import mirror, queries, reconciliation, values
from billing.subscriptions.customers import ensure_customer
from billing.subscriptions.models import MrrMovement, Subscription
from tests.factories.billing import team_of
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db
# A case takes a fifth of a second; the whole is five hundred of them.
CASES = 500 if os.environ.get("CHANGES") == "all" else 20
PERCENTS = (0.5, 10, 12.5, 33.3, 50, 100)
# Less than anything costs, more than an item and more than all of it.
AMOUNTS = (1, 99, 700, 3_000, 90_000)
LASTING: tuple[dict[str, Any], ...] = (
    {"duration": "forever"},
    {"duration": "repeating", "duration_in_months": 3},
    # Over when the period is, so neither is in the next invoice.
    {"duration": "repeating", "duration_in_months": 1},
    {"duration": "once"},
)


class Counter:
    """Subscriptions of one customer at Stripe, made from numbers."""

    def __init__(self, shop: StripeEmulator, organisation: Organisation) -> None:
        # Any: the SDK types every field as perhaps missing or perhaps expanded.
        self.v1: Any = shop.client().v1
        self.customer = ensure_customer(organisation)
        card = self.v1.payment_methods.attach(
            "pm_card_visa", {"customer": self.customer}
        )
        self.v1.customers.update(
            self.customer, {"invoice_settings": {"default_payment_method": card.id}}
        )
        team = offer_for("team").prices["month"]
        self.plan = self.v1.prices.retrieve(team.stripe_price_id or "")
        self.extras = [self.price(333), self.price(1)]
        self.products = [
            *(each.product for each in (self.plan, *self.extras)),
            self.price(50).product,
        ]

    def price(self, amount: int) -> Any:
        return self.v1.prices.create(
            {
                "product_data": {"name": f"Extra at {amount}"},
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": "month"},
            }
        )

    def given(self, random: Random, most: int) -> list[dict[str, str]]:
        return [{"coupon": self.coupon(random)} for _ in range(random.randint(0, most))]

    def coupon(self, random: Random) -> str:
        terms: dict[str, Any] = dict(random.choice(LASTING))
        if random.random() < 0.5:
            terms["percent_off"] = random.choice(PERCENTS)
        else:
            terms |= {"amount_off": random.choice(AMOUNTS), "currency": "usd"}
        if random.random() < 0.6:
            some = random.sample(self.products, random.randint(1, 2))
            terms["applies_to"] = {"products": some}
        return str(self.v1.coupons.create(terms).id)

    def begin(self, number: int) -> Any:
        """Subscribe as the number says, the same way every time."""
        random = Random(number)  # noqa: S311 - the same every time
        extras = random.sample(self.extras, random.randint(0, 2))
        items = [
            {
                "price": price.id,
                "quantity": random.randint(1, 20),
                "discounts": self.given(random, 2),
            }
            for price in (self.plan, *extras)
        ]
        return self.v1.subscriptions.create(
            {
                "customer": self.customer,
                "items": items,
                "discounts": self.given(random, 3),
                "metadata": {"quote": str(number)},
            }
        )


@pytest.fixture
def counter(shop: StripeEmulator, person: Any) -> Counter:
    return Counter(shop, team_of(person("ada")))


def columns(fetched: objects.Subscription) -> tuple[int, int]:
    """Return the list price of a period and what comes off it, as we keep them."""
    found = values.subscription_values(
        fetched,
        known=None,
        prices=values.prices_of(fetched),
        fetched_at=timezone.now(),
    )
    return found["amount"], found["discount"]


def test_the_next_renewal_is_what_stripe_shows(counter: Counter) -> None:
    shown = {}
    for number in range(CASES):
        made = counter.begin(number)
        preview = counter.v1.invoices.create_preview({"subscription": made.id})
        off = sum(part.amount for part in preview.total_discount_amounts)
        shown[made.id] = (preview.subtotal, off)

        assert columns(adapter.fetch_subscription(made.id)) == shown[made.id], number
        contract = find_contract(counter.customer, str(number))
        assert contract is not None
        assert columns(contract) == shown[made.id], number

    # Read as a list, they are the same.
    assert {each.id: columns(each) for each in lists.subscriptions()} == shown
    assert any(off for _, off in shown.values())


@pytest.fixture
def half_of_something_else(shop: StripeEmulator, person: Any, buy: Any) -> Subscription:
    """A plan with a coupon for another product, known as it was known before."""
    ada = person("ada")
    row: Subscription = buy(team_of(ada), ada, plan="pro")
    v1: Any = shop.client().v1
    other = v1.products.create({"name": "Another"})
    coupon = v1.coupons.create(
        {
            "percent_off": 50,
            "duration": "forever",
            "applies_to": {"products": [other.id]},
        }
    )
    v1.subscriptions.update(row.stripe_id, {"discounts": [{"coupon": coupon.id}]})
    return row


def test_a_coupon_for_another_product_lowers_no_figure(
    half_of_something_else: Subscription,
) -> None:
    row = mirror.sync_subscription(half_of_something_else.stripe_id)

    assert row is not None
    assert (row.amount, row.discount, row.monthly_amount) == (2_000, 0, 2_000)
    assert [(each.before, each.after) for each in MrrMovement.objects.all()] == [
        (0, 2_000)
    ]


def test_what_was_taken_off_before_is_healed_by_the_comparison(
    half_of_something_else: Subscription,
) -> None:
    row = half_of_something_else
    # As the release before kept it, with its step of the revenue.
    Subscription.objects.filter(pk=row.pk).update(discount=1_000)
    MrrMovement.objects.create(
        organisation=row.organisation,
        kind=MrrMovement.Kind.CONTRACTION,
        currency="usd",
        before=2_000,
        after=1_000,
        occurred_at=timezone.now(),
    )

    list(reconciliation.run())

    healed = queries.live_subscription(row.organisation)
    assert healed is not None
    assert (healed.discount, healed.period_amount) == (0, 2_000)
    newest = MrrMovement.objects.order_by("-pk")[0]
    assert (newest.kind, newest.before, newest.after) == ("expansion", 1_000, 2_000)
    assert list(reconciliation.run()) == []
