"""Where the demo's purchases are rung up: at the Stripe emulator, or on paper.

At the emulator a test clock is turned back to the first purchase and led through
every later one, so that customers, renewals and invoices are real objects with
their own past: the portal, the invoices page and the nightly reconciliation work
on them. On paper the same values are made up; nothing there is live for Stripe.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Value
from django.db.models.functions import Concat

from billing.plans.models import Price
from billing.stripe import adapter, objects
from billing.stripe.exceptions import StripeError
from demo.purchases import Purchase

# A clock goes at most two months at a time.
STEP = timedelta(days=45)
CLOCK = "The demo's history"
GOOD = {"visa": "pm_card_visa", "mastercard": "pm_card_mastercard"}
DECLINED = "pm_card_chargeCustomerFail"
LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """A purchase and what came of it, as the adapter hands it out."""

    purchase: Purchase
    customer_id: str
    subscription: objects.Subscription
    invoices: tuple[objects.Invoice, ...]


def has_emulator() -> bool:
    """Say whether Stripe is the emulator on this machine, and answers.

    The demo is never sold at the real Stripe, not even in its test mode.
    """
    if not settings.STRIPE_API_BASE.startswith(LOCAL):
        return False
    try:
        return adapter.find_price("demo") is None
    except StripeError:
        return False


def prices() -> dict[tuple[str, str], Price]:
    """Return the prices on offer by plan and interval."""
    on_offer = Price.objects.filter(plan_version__retired_at=None)
    return {
        (price.plan_version.plan.key, price.interval): price
        for price in on_offer.select_related("plan_version__plan")
    }


@contextmanager
def priced() -> Iterator[None]:
    """Lend prices that Stripe does not know an id, so that paper can name them."""
    unknown = Price.objects.filter(stripe_price_id=None)
    lent = list(unknown.values_list("pk", flat=True))
    Price.objects.filter(pk__in=lent).update(
        stripe_price_id=Concat(Value("price_demo_"), "lookup_key")
    )
    yield
    Price.objects.filter(pk__in=lent).update(stripe_price_id=None)


def sell(
    purchases: Sequence[Purchase], now: datetime, on_sale: Callable[[], None]
) -> list[Sold]:
    """Ring up every purchase that goes on at the emulator, the others on paper."""
    offered = prices()
    live = [purchase for purchase in purchases if purchase.is_live]
    sold = {}
    if live and has_emulator():
        for one in _at_the_emulator(live, offered, now):
            sold[one.purchase.intent] = one
            on_sale()
    numbers = itertools.count(1)
    for purchase in purchases:
        if purchase.intent not in sold:
            sold[purchase.intent] = _on_paper(purchase, offered, next(numbers), now)
            on_sale()
    return [sold[purchase.intent] for purchase in purchases]


def catch_up(now: datetime) -> bool:
    """Lead the demo's clock to ``now``, so that its subscriptions go on renewing."""
    if not has_emulator():
        return False
    with adapter.translated():
        clocks = adapter.client().v1.test_helpers.test_clocks
        found = next(
            (
                clock
                for clock in clocks.list().auto_paging_iter()
                if clock.name == CLOCK
            ),
            None,
        )
    if found is None:
        return False
    _advance(found.id, datetime.fromtimestamp(found.frozen_time, UTC), now)
    return True


# At the emulator.


def _at_the_emulator(
    purchases: Sequence[Purchase],
    offered: dict[tuple[str, str], Price],
    now: datetime,
) -> Iterator[Sold]:
    stripe = adapter.client().v1
    moment = purchases[0].starts_at.replace(microsecond=0)
    with adapter.translated():
        clock = stripe.test_helpers.test_clocks.create(
            {"frozen_time": int(moment.timestamp()), "name": CLOCK}
        )
        begun = []
        for purchase in purchases:
            moment = _advance(clock.id, moment, purchase.starts_at)
            price = offered[purchase.plan, purchase.interval]
            begun.append((purchase, *_subscribe(purchase, price, clock.id)))
        _advance(clock.id, moment, now)
    for purchase, customer_id, subscription_id in begun:
        yield _fetch(purchase, customer_id, subscription_id)


def _advance(clock: str, moment: datetime, target: datetime) -> datetime:
    """Lead a clock on in steps it allows; return where it stands."""
    target = target.replace(microsecond=0)
    while moment < target:
        moment = min(moment + STEP, target)
        with adapter.translated():
            adapter.client().v1.test_helpers.test_clocks.advance(
                clock, {"frozen_time": int(moment.timestamp())}
            )
    return moment


def _subscribe(purchase: Purchase, price: Price, clock: str) -> tuple[str, str]:
    """Make the customer and the subscription of a purchase, with its own card."""
    stripe = adapter.client().v1
    organisation = {"organisation": purchase.organisation_id}
    customer = stripe.customers.create(
        {
            "name": purchase.organisation_name,
            "email": purchase.email,
            "metadata": organisation,
            "test_clock": clock,
            "payment_method": GOOD[purchase.card[0]],
        }
    )
    card = stripe.customers.payment_methods.list(customer.id).data[0].id
    _use_card(customer.id, card)
    params: Any = {
        "customer": customer.id,
        "items": [
            {
                "price": price.stripe_price_id,
                "quantity": price.quantity_for(purchase.seats),
            }
        ],
        "default_payment_method": card,
        "metadata": {
            **organisation,
            "intent": str(purchase.intent),
            "plan_version": str(price.plan_version),
        },
    }
    subscription = stripe.subscriptions.create(params)
    if purchase.is_ending:
        stripe.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    if purchase.is_overdue:
        declined = stripe.payment_methods.attach(DECLINED, {"customer": customer.id})
        _use_card(customer.id, declined.id)
        stripe.subscriptions.update(
            subscription.id, {"default_payment_method": declined.id}
        )
    return customer.id, subscription.id


def _use_card(customer: str, card: str) -> None:
    adapter.client().v1.customers.update(
        customer, {"invoice_settings": {"default_payment_method": card}}
    )


def _fetch(purchase: Purchase, customer_id: str, subscription_id: str) -> Sold:
    with adapter.translated():
        found = adapter.client().v1.invoices.list({"subscription": subscription_id})
        ids = [str(invoice.id) for invoice in found.auto_paging_iter()]
    invoices = [adapter.fetch_invoice(invoice_id) for invoice_id in ids]
    return Sold(
        purchase=purchase,
        customer_id=customer_id,
        subscription=adapter.fetch_subscription(subscription_id),
        invoices=tuple(sorted(invoices, key=lambda invoice: invoice.issued_at)),
    )


# On paper.


def _on_paper(
    purchase: Purchase,
    offered: dict[tuple[str, str], Price],
    number: int,
    now: datetime,
) -> Sold:
    price = offered[purchase.plan, purchase.interval]
    end = purchase.ended_at or now
    starts = list(itertools.takewhile(lambda day: day < end, _periods(purchase)))
    following = next(day for day in _periods(purchase) if day > starts[-1])
    # Whoever has ended is no customer any more: a new checkout makes a new one.
    customer_id = f"cus_demo{number}" if purchase.is_live else ""
    subscription = objects.Subscription(
        id=f"sub_demo{number}",
        status=_status(purchase),
        customer_id=customer_id,
        currency=price.currency,
        collection_method="charge_automatically",
        items=(
            objects.SubscriptionItem(
                id=f"si_demo{number}",
                price_id=price.stripe_price_id or f"price_demo_{price.lookup_key}",
                quantity=price.quantity_for(purchase.seats),
                period_start=starts[-1],
                period_end=following,
            ),
        ),
        started_at=purchase.starts_at,
        cancel_at_period_end=purchase.is_ending,
        cancel_at=following if purchase.is_ending else None,
        canceled_at=purchase.ended_at,
        ended_at=purchase.ended_at,
        trial_end=None,
        latest_invoice_id="",
        card=objects.Card(
            brand=purchase.card[0], last4=purchase.card[1], exp_month=12, exp_year=2031
        ),
        metadata={
            "organisation": purchase.organisation_id,
            "intent": str(purchase.intent),
        },
    )
    invoices = [
        _paper_invoice(
            subscription, price, f"{number}_{turn}", period, is_first=turn == 0
        )
        for turn, period in enumerate(starts)
    ]
    if purchase.is_overdue:
        invoices[-1] = _declined(invoices[-1])
    return Sold(
        purchase=purchase,
        customer_id=customer_id,
        subscription=subscription,
        invoices=tuple(invoices),
    )


def _status(purchase: Purchase) -> str:
    if purchase.ended_at:
        return "canceled"
    return "past_due" if purchase.is_overdue else "active"


def _periods(purchase: Purchase) -> Iterator[datetime]:
    """Yield when each period begins: the same day of every month or year."""
    for turn in itertools.count():
        months = turn * (12 if purchase.interval == "year" else 1)
        yield _later(purchase.starts_at, months)


def _later(moment: datetime, months: int) -> datetime:
    month = moment.month - 1 + months
    first = moment.replace(year=moment.year + month // 12, month=month % 12 + 1, day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(moment.day, last.day))


def _paper_invoice(
    subscription: objects.Subscription,
    price: Price,
    number: str,
    period: datetime,
    *,
    is_first: bool,
) -> objects.Invoice:
    quantity = subscription.items[0].quantity
    amount = price.unit_amount * quantity
    name = str(price.plan_version.plan.key).title()
    return objects.Invoice(
        id=f"in_demo{number}",
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        number=f"DEMO-{number.replace('_', '-')}",
        status="paid",
        billing_reason="subscription_create" if is_first else "subscription_cycle",
        currency=price.currency,
        subtotal=amount,
        discount=0,
        tax=0,
        total=amount,
        amount_due=amount,
        amount_paid=amount,
        attempt_count=1,
        issued_at=period,
        due_at=None,
        paid_at=period,
        next_attempt_at=None,
        period_start=period,
        period_end=period,
        hosted_url="",
        pdf_url="",
        lines=(
            objects.InvoiceLine(
                id=f"il_demo{number}",
                amount=amount,
                description=f"{quantity} × {name}",
                quantity=quantity,
                price_id=price.stripe_price_id or f"price_demo_{price.lookup_key}",
                is_proration=False,
                period_start=period,
                period_end=period,
            ),
        ),
        payments=(
            objects.InvoicePayment(
                id=f"inpay_demo{number}",
                amount=amount,
                status="paid",
                payment_intent_id="",
                paid_at=period,
            ),
        ),
    )


def _declined(invoice: objects.Invoice) -> objects.Invoice:
    return replace(
        invoice,
        status="open",
        amount_paid=0,
        paid_at=None,
        payments=(),
        next_attempt_at=invoice.issued_at + timedelta(days=3),
    )
