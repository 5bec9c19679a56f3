"""Subscriptions as they come, and what somebody may want of them, from one number."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from accounts.services import create_organisation
from billing.plans.models import Plan, Price
from billing.plans.queries import offer_for
from billing.plans.services import publish_version
from billing.stripe.catalogue import sync_plans
from billing.subscriptions import mirror
from billing.subscriptions.customers import ensure_customer
from billing.subscriptions.models import Subscription
from tests.fakes.stripe_emulator import StripeEmulator

DAY = 86_400
CURRENCIES = ("usd", "eur", "jpy")
TERMS = {"pro": (1, 1), "team": (2, 60)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One subscription and one change of it."""

    number: int
    plan: str
    interval: str
    seats: int
    to_plan: str
    to_interval: str
    to_seats: int
    days: float
    coupon: dict[str, Any] | None
    code: dict[str, Any] | None
    tax: dict[str, Any] | None
    balance: int
    item_coupon: dict[str, Any] | None


def case(number: int, currency: str) -> Case:
    """Return the case of a number; the same one every time."""
    random = Random(f"{currency}-{number}")  # noqa: S311 - the same every time

    def choice() -> tuple[str, str, int]:
        plan = random.choice(("pro", "team", "team"))
        low, high = TERMS[plan]
        return plan, random.choice(("month", "year")), random.randint(low, high)

    plan, interval, seats = choice()
    to_plan, to_interval, to_seats = choice()
    if random.random() < 0.4:
        to_plan, to_interval = plan, interval
        low, high = TERMS[plan]
        to_seats = min(high, max(low, seats + random.choice((-7, -1, 1, 2, 9))))
    is_same = (plan, interval, seats) == (to_plan, to_interval, to_seats)
    is_down = (to_plan, plan) == ("pro", "team") or (
        plan == to_plan
        and (to_seats < seats or (interval, to_interval) == ("year", "month"))
    )
    may_have_code = is_same or not is_down
    return Case(
        number=number,
        plan=plan,
        interval=interval,
        seats=seats,
        to_plan=to_plan,
        to_interval=to_interval,
        to_seats=to_seats,
        days=random.choice((0, 0.37, 3, 9.113, 14.5, 27.9)),
        coupon=_coupon(random, currency) if random.random() < 0.35 else None,
        code=_coupon(random, currency)
        if random.random() < 0.3 and may_have_code
        else None,
        tax=random.choice(
            (
                None,
                {"percentage": 19, "inclusive": False},
                {"percentage": 8.875, "inclusive": False},
                {"percentage": 13, "inclusive": True},
            )
        ),
        balance=random.choice((0, 0, 0, -317, -50_000, -4_000_000)),
        item_coupon=_coupon(random, currency) if random.random() < 0.35 else None,
    )


def _coupon(random: Random, currency: str) -> dict[str, Any]:
    lasting = random.choice(
        (
            {"duration": "once"},
            {"duration": "forever"},
            {"duration": "repeating", "duration_in_months": 3},
        )
    )
    if random.random() < 0.6:
        return {"percent_off": random.choice((10, 33.3, 50, 100)), **lasting}
    return {"amount_off": random.choice((99, 700)), "currency": currency, **lasting}


@dataclass(slots=True)
class Market:
    """A shop in one currency, and buyers in it."""

    shop: StripeEmulator
    currency: str
    person: Callable[..., Any]
    counter: int = 0
    v1: Any = field(init=False)

    def __post_init__(self) -> None:
        self.v1 = self.shop.client().v1
        amounts = {"pro": (2_000, 20_000), "team": (2_599, 25_111)}
        for plan, (month, year) in amounts.items():
            low, high = TERMS[plan]
            publish_version(
                Plan.objects.get(key=plan),
                features=offer_for(plan).features,
                prices={"month": month, "year": year},
                collection="charge_automatically",
                seat_min=low,
                seat_max=high,
                currency=self.currency,
            )
        list(sync_plans())

    def price(self, plan: str, interval: str) -> Price:
        return offer_for(plan).prices[interval]

    def begin(self, wanted: Case, *, now: int) -> tuple[Subscription, Any, str]:
        """Return a subscription that began some days ago, its buyer and its clock.

        It lives by a test clock that stands at ``now``.
        """
        self.counter += 1
        buyer = self.person(f"buyer{self.currency}{self.counter}")
        organisation = create_organisation(f"Firm {self.counter}", owner=buyer)
        begun = now - int(wanted.days * DAY)
        clock = self.v1.test_helpers.test_clocks.create({"frozen_time": begun})
        from billing.stripe.adapter import customers_on_clock

        with customers_on_clock(clock.id):
            customer = ensure_customer(organisation)
        method = self.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
        self.v1.customers.update(
            customer, {"invoice_settings": {"default_payment_method": method.id}}
        )
        price = self.price(wanted.plan, wanted.interval)
        params: Any = {
            "customer": customer,
            "items": [
                {
                    "price": price.stripe_price_id,
                    "quantity": price.quantity_for(wanted.seats),
                }
            ],
        }
        if wanted.coupon:
            coupon = self.v1.coupons.create(wanted.coupon)
            params["discounts"] = [{"coupon": coupon.id}]
        if wanted.item_coupon:
            coupon = self.v1.coupons.create(wanted.item_coupon)
            params["items"][0]["discounts"] = [{"coupon": coupon.id}]
        if wanted.tax:
            rate = self.v1.tax_rates.create({"display_name": "Tax", **wanted.tax})
            params["default_tax_rates"] = [rate.id]
        made = self.v1.subscriptions.create(params)
        if wanted.balance:
            self.v1.customers.update(customer, {"balance": wanted.balance})
        if now > begun:
            self.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": now})
        row = mirror.sync_subscription(made.id)
        assert row is not None
        return row, buyer, clock.id

    def code(self, coupon: dict[str, Any] | None) -> str:
        """Return a code somebody can type, for a coupon; empty for none."""
        if coupon is None:
            return ""
        made = self.v1.coupons.create(coupon)
        promotion = {"type": "coupon", "coupon": made.id}
        return str(self.v1.promotion_codes.create({"promotion": promotion}).code)
