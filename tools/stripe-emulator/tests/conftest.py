"""The emulator as a process, a shop in it, and a receiver for its webhooks."""

from collections.abc import Iterator
from typing import Any

import pytest

from receiving import Receiver, listening
from shopping import Shop
from stripe_emulator.account import Account
from stripe_emulator.engine import sweeping
from stripe_emulator.settings import Settings
from stripe_emulator.store import Store
from stripe_emulator.testing import (
    StripeEmulator,
    stripe_emulator,
    stripe_emulator_process,
)

__all__ = ["stripe_emulator", "stripe_emulator_process"]


@pytest.fixture
def store() -> Iterator[Store]:
    """A store that is gone with its test."""
    made = Store(":memory:")
    yield made
    made.db.close()


@pytest.fixture
def account(store: Store) -> Account:
    """An account in this process, with nothing around it."""
    made = Account(Settings(), store)
    made.due = sweeping.due_at
    return made


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
