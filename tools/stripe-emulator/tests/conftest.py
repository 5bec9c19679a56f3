"""The emulator as a process, a shop in it, and a receiver for its webhooks."""

from collections.abc import Iterator
from typing import Any

import pytest

from receiving import Receiver, listening
from shopping import Shop
from stripe_emulator.testing import (
    StripeEmulator,
    stripe_emulator,
    stripe_emulator_process,
)

__all__ = ["stripe_emulator", "stripe_emulator_process"]


@pytest.fixture
def client(stripe_emulator: StripeEmulator) -> Any:
    """The real SDK against an empty emulator."""
    return stripe_emulator.client()


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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A loopback endpoint; ``answers`` are its next statuses, then always 200."""
    found = Receiver()
    with listening(found):
        yield found
