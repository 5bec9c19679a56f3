"""Test clocks, and customers that live by them."""

from datetime import UTC, datetime
from typing import Any

from shopping import Shop

DAY = 86400
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
FEBRUARY = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp())


def moment(*parts: int) -> int:
    """Seconds of a UTC date."""
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


class Clock:
    """A test clock and the customer that lives by it."""

    def __init__(self, shop: Shop, at: int = START, card: str | None = "pm_card_visa"):
        self.shop = shop
        self.clock = shop.client.v1.test_helpers.test_clocks.create({"frozen_time": at})
        self.customer = shop.customer(card, test_clock=self.clock.id)

    def go(self, to: int) -> None:
        """Move to a later time."""
        moved = self.shop.client.v1.test_helpers.test_clocks.advance(
            self.clock.id, {"frozen_time": to}
        )
        assert moved.status == "ready"

    def invoices(self) -> list[tuple[str, int, str]]:
        """Status, total and reason, oldest first."""
        found = self.shop.client.v1.invoices.list({"customer": self.customer.id})
        return [(i.status, i.total, i.billing_reason) for i in found.data][::-1]

    def now(self, subscription: Any) -> Any:
        """The subscription as it is."""
        return self.shop.client.v1.subscriptions.retrieve(subscription.id)


def period(subscription: Any) -> tuple[int, int]:
    """The period of the first item."""
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end
