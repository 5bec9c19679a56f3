"""A shop: catalogue, customer with a card, and a receiver for webhooks."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.fakes.stripe_emulator import (  # noqa: F401 (fixtures)
    StripeEmulator,
    stripe_emulator,
    stripe_emulator_process,
)

SECRET = "whsec_test"


@pytest.fixture
def client(stripe_emulator: StripeEmulator) -> Any:  # noqa: F811
    """The real SDK against an empty emulator."""
    return stripe_emulator.client()


@dataclass
class Shop:
    """Two monthly prices, and customers on demand."""

    # Any: the SDK types every field as perhaps missing or perhaps expanded.
    client: Any
    product: Any
    small: Any
    large: Any

    def customer(self, card: str | None = "pm_card_visa", **params: Any) -> Any:
        """A customer, with ``card`` as default when given."""
        made = self.client.v1.customers.create({"email": "buyer@demo.test", **params})
        if card:
            self.use_card(made.id, card)
        return made

    def use_card(self, customer: str, card: str) -> None:
        """Attach a test card and make it the default."""
        method = self.client.v1.payment_methods.attach(card, {"customer": customer})
        self.client.v1.customers.update(
            customer, {"invoice_settings": {"default_payment_method": method.id}}
        )

    def subscribe(self, customer: str, price: Any = None, **params: Any) -> Any:
        """A subscription to one price."""
        return self.client.v1.subscriptions.create(
            {
                "customer": customer,
                "items": [{"price": (price or self.small).id}],
                **params,
            }
        )

    def session(self, **params: Any) -> Any:
        """An open checkout session for the small price."""
        return self.client.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "line_items": [{"price": self.small.id, "quantity": 1}],
                "success_url": "http://127.0.0.1:1/back?s={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://127.0.0.1:1/pricing",
                **params,
            }
        )


@pytest.fixture
def shop(client: Any) -> Shop:
    """A product at 100.00 and at 300.00 a month."""
    product = client.v1.products.create({"name": "Team"})

    def monthly(amount: int) -> Any:
        return client.v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": "month"},
            }
        )

    return Shop(client, product, monthly(10000), monthly(30000))


@dataclass
class Receiver:
    """What arrived at a webhook endpoint, verified with the SDK."""

    url: str = ""
    events: list[Any] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def wait_for(self, check: Callable[[list[Any]], bool], seconds: float = 10) -> None:
        """Wait until the received events fit, or fail."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if check(self.events):
                return
            time.sleep(0.02)
        raise AssertionError([event.type for event in self.events])


@contextmanager
def listening(found: Receiver, port: int = 0) -> Iterator[None]:
    """Let ``found`` answer at a loopback port while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            signature = self.headers["stripe-signature"]
            event = stripe.Webhook.construct_event(body, signature, SECRET)
            found.events.append(event)
            found.signatures.append(signature)
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hooks/stripe/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A loopback endpoint; ``answers`` are its next statuses, then always 200."""
    found = Receiver()
    with listening(found):
        yield found
