"""The Stripe the demo is sold at: always the emulator, never the real one.

All the demo's customers live by one test clock, which is led along with the demo's
own. So checkouts, renewals, invoices and what follows from a declined card are
Stripe's doing; here is only what a buyer or an operator would do there.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from django.conf import settings
from django.test.utils import override_settings

from billing.stripe import adapter, products
from billing.stripe.events import reason_to_let_go
from billing.stripe.exceptions import NotOurs, StripeError
from billing.stripe.registry import refresher_for
from billing.stripe.webhooks import parse_event
from embedded import stack
from embedded.supervisor import Supervisor

# A clock goes at most two months at a time.
STEP = timedelta(days=45)
CLOCK = "The demo's history"
# It attaches, then every charge fails.
DECLINED = "pm_card_chargeCustomerFail"
# Each page that is paid at would be a line of the log.
logging.getLogger("httpx").setLevel(logging.WARNING)

LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]")
# Anything that begins so is accepted there.
KEY = "sk_test_doorstone_emulator"
HOOK = "STRIPE_EMULATOR_WEBHOOK"
# Seconds; a hosted page answers in a few milliseconds.
PATIENCE = 20


def has_emulator() -> bool:
    """Say whether Stripe is the emulator on this machine, and answers.

    The demo is never sold at the real Stripe, not even in its test mode.
    """
    if not settings.STRIPE_API_BASE.startswith(LOCAL):
        return False
    try:
        return products.find_price("demo") is None
    except StripeError:
        return False


@contextmanager
def at_hand() -> Iterator[bool]:
    """Have an emulator: the machine's own, else one for the time of the block.

    Gives out whether it stays. What is sold at one that goes has no counterpart
    afterwards, like anything at a Stripe account that was closed.
    """
    if has_emulator():
        yield True
        return
    with TemporaryDirectory() as folder:
        places = replace(
            stack.Places.from_environment(),
            host="127.0.0.1",
            stripe_port=stack.free_port(),
            var_dir=Path(folder),
        )
        (places.var_dir / "stripe-emulator").mkdir()
        secrets = {"STRIPE_SECRET_KEY": KEY, "STRIPE_WEBHOOK_SECRETS": "whsec_demo"}
        supervisor = Supervisor()
        try:
            service = stack.stripe_emulator(places, secrets)
            # Nobody is there to hear of it by webhook.
            told = {
                name: value for name, value in service.env.items() if HOOK not in name
            }
            supervisor.start(replace(service, env=told))
            with override_settings(
                STRIPE_API_BASE=places.stripe_url, STRIPE_SECRET_KEY=KEY
            ):
                adapter.breaker.succeed()
                yield False
        finally:
            supervisor.stop()


class StripeAccount:
    """The demo's account at the emulator, on a test clock."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment.replace(microsecond=0)
        stripe = adapter.client().v1
        self._clock = stripe.test_helpers.test_clocks.create(
            {"frozen_time": int(self._moment.timestamp()), "name": CLOCK}
        ).id
        self._last = _newest_event()

    @property
    def customers(self) -> Any:
        """A context in which new customers live by the demo's clock."""
        return adapter.customers_on_clock(self._clock)

    def advance(self, moment: datetime) -> None:
        """Let it be ``moment`` there, and hear what has happened on the way."""
        self._moment = _advance(self._clock, self._moment, moment)
        self.hear()

    def hear(self) -> None:
        """Refresh whatever news is about, as the task behind the webhook does.

        One refresh for each object: it fetches how that is now, however many events
        there were. The events themselves come by webhook once the product is up.
        """
        changed: dict[tuple[str, str], None] = {}
        for raw in _events_after(self._last):
            self._last = raw["id"]
            event = parse_event(raw, body="")
            if event.object_id and not reason_to_let_go(event.type):
                # The latest last: a customer before what they bought.
                changed[event.object_kind, event.object_id] = None
        for kind, object_id in changed:
            refresh = refresher_for(kind)
            if refresh is not None:
                with suppress(NotOurs):
                    refresh(object_id)

    # What a buyer does at Stripe.

    def pay(self, session_url: str, *, email: str, name: str, card: str) -> None:
        """Fill in the hosted page of a checkout and send it, as a browser would."""
        form = {"email": email, "name": name, "card": "number", "number": card}
        answer = httpx.post(session_url, data=form, timeout=PATIENCE)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise RuntimeError(f"The checkout answered {answer.status_code}.")

    def use_declined_card(self, customer_id: str, subscription_id: str) -> None:
        """Put a card in place that every charge fails on from now on."""
        stripe = adapter.client().v1
        card = stripe.payment_methods.attach(DECLINED, {"customer": customer_id}).id
        stripe.customers.update(
            customer_id, {"invoice_settings": {"default_payment_method": card}}
        )
        stripe.subscriptions.update(subscription_id, {"default_payment_method": card})
        self.hear()

    def cancel_at_period_end(self, subscription_id: str) -> None:
        """Have a subscription not renew, as its owner wishes."""
        adapter.client().v1.subscriptions.update(
            subscription_id, {"cancel_at_period_end": True}
        )
        self.hear()

    # What an operator does there.

    def refund(self, subscription_id: str, payment_intent: str) -> None:
        """Give a payment back and end what it paid for, at once."""
        stripe = adapter.client().v1
        stripe.refunds.create(
            {"payment_intent": payment_intent, "reason": "requested_by_customer"}
        )
        stripe.subscriptions.cancel(subscription_id)
        self.hear()


def catch_up(now: datetime) -> bool:
    """Lead the demo's clock to ``now``, so that its subscriptions go on renewing."""
    if not has_emulator():
        return False
    with adapter.translated():
        clocks = adapter.client().v1.test_helpers.test_clocks.list()
        found = [clock for clock in clocks.auto_paging_iter() if clock.name == CLOCK]
    for clock in found:
        _advance(clock.id, datetime.fromtimestamp(clock.frozen_time, UTC), now)
    return bool(found)


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


def _newest_event() -> str:
    events = adapter.client().v1.events.list({"limit": 1}).data
    return str(events[0].id) if events else ""


def _events_after(last: str) -> Iterator[dict[str, Any]]:
    """Yield what happened since ``last``, the oldest first."""
    params: Any = {"limit": 100} | ({"ending_before": last} if last else {})
    with adapter.translated():
        found = adapter.client().v1.events.list(params)
        for event in found.auto_paging_iter():
            yield event.to_dict(for_json=True)
