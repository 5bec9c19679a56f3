"""What the demo's people buy: through the checkout, then as Stripe has it."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Organisation, User
from billing.ledger.models import Payment
from billing.plans.models import Price
from billing.subscriptions.models import BillingAccount, Subscription
from billing.subscriptions.services import fulfil_checkout, open_checkout
from demo.calendar import Calendar
from demo.emulator import StripeAccount
from demo.people import Company, Person, home, team
from demo.purchases import Purchase
from demo.rhythm import Rhythm

# Between the review page and the paid bill.
FILLING_IN = timedelta(minutes=3)
# Of those who call models and buy nothing, so many look at the checkout.
THINK_TWICE = 0.07


class Shop:
    """Turns purchases into what buyers and Stripe do."""

    def __init__(
        self,
        company: Company,
        account: StripeAccount,
        calendar: Calendar,
        on_sale: Callable[[], None],
    ) -> None:
        self.company = company
        self.account = account
        self.calendar = calendar
        self.on_sale = on_sale

    def plan(self, purchase: Purchase) -> None:
        """Plan a purchase and what becomes of it."""
        self.calendar.plan(purchase.starts_at - FILLING_IN, self._buy, purchase)
        for moment, deed in (
            (purchase.cancelled_at, self._cancel),
            (purchase.declined_from, self._spoil_card),
            (purchase.refunded_at, self._refund),
        ):
            if moment is not None:
                self.calendar.plan(moment, deed, purchase)

    def plan_second_thoughts(
        self,
        callers: dict[str, datetime],
        people: list[Person],
        rhythm: Rhythm,
        rng: random.Random,
    ) -> None:
        """Have some look at the checkout and leave it at that.

        ``callers`` says when those who call models, by username, did so first.
        """
        for person in people:
            first_at = callers.get(person.username)
            wants = rng.random() < THINK_TWICE
            delay = timedelta(hours=2 + rng.expovariate(1 / 60))
            interval = rng.choice(("month", "month", "year"))
            if first_at is None or not wants:
                continue
            if first_at + delay < rhythm.end - timedelta(days=1):
                self.calendar.plan(first_at + delay, self._look, person, interval)

    def _buy(self, purchase: Purchase) -> None:
        self.account.advance(timezone.now())
        user, organisation = self._parties(purchase)
        with self.account.customers:
            intent = open_checkout(
                organisation,
                user=user,
                price=_price(purchase.plan, purchase.interval),
                seats=purchase.seats,
            )
        session_id = intent.stripe_session_id or ""
        self.calendar.plan(
            purchase.starts_at, self._pay, purchase, intent.session_url, session_id
        )

    def _pay(self, purchase: Purchase, url: str, session_id: str) -> None:
        self.account.advance(timezone.now())
        buyer = purchase.buyer
        self.account.pay(
            url,
            email=buyer.email,
            name=buyer.display_name or buyer.username,
            card=purchase.card,
        )
        # They come back to the return page before any webhook does.
        fulfil_checkout(session_id)
        self.account.hear()
        self.on_sale()

    def _look(self, person: Person, interval: str) -> None:
        user = self.company[person.username]
        self.account.advance(timezone.now())
        with self.account.customers:
            open_checkout(home(user), user=user, price=_price("pro", interval))

    def _cancel(self, purchase: Purchase) -> None:
        self.account.advance(timezone.now())
        self.account.cancel_at_period_end(self._subscription(purchase).stripe_id)

    def _spoil_card(self, purchase: Purchase) -> None:
        self.account.advance(timezone.now())
        _user, organisation = self._parties(purchase)
        customer = BillingAccount.objects.get(pk=organisation.pk).stripe_customer_id
        self.account.use_declined_card(
            customer or "", self._subscription(purchase).stripe_id
        )

    def _refund(self, purchase: Purchase) -> None:
        self.account.advance(timezone.now())
        _user, organisation = self._parties(purchase)
        payment = Payment.objects.get(invoice__organisation=organisation)
        self.account.refund(
            self._subscription(purchase).stripe_id, payment.payment_intent_id
        )

    def _parties(self, purchase: Purchase) -> tuple[User, Organisation]:
        user = self.company[purchase.buyer.username]
        return user, team(purchase.team) if purchase.team else home(user)

    def _subscription(self, purchase: Purchase) -> Subscription:
        _user, organisation = self._parties(purchase)
        return Subscription.objects.get(organisation=organisation)


def _price(plan: str, interval: str) -> Price:
    on_offer = Price.objects.filter(plan_version__retired_at=None)
    return on_offer.select_related("plan_version__plan").get(
        plan_version__plan__key=plan, interval=interval
    )
