"""A shop's side of the account: products, customers with cards, sessions."""

from dataclasses import dataclass
from typing import Any


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
        made = self.client.v1.customers.create(
            {"email": "buyer@example.test", **params}
        )
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
