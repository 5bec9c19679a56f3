"""The hosted portal, where customers change what they pay and how."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from billing.stripe.adapter import client, translated
from billing.stripe.objects import PortalProduct

# By this we know our portal configuration among others of the account.
MARK = "doorstone"
FEATURES: dict[str, Any] = {
    "customer_update": {"enabled": True, "allowed_updates": ["email", "name"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}


def create_portal_session(*, customer_id: str, return_url: str, locale: str) -> str:
    """Return a link into the hosted portal; it signs its bearer in."""
    params: Any = {"customer": customer_id, "return_url": return_url, "locale": locale}
    with translated():
        found = _configuration()
        if found is not None:
            params["configuration"] = found["id"]
        return str(client().v1.billing_portal.sessions.create(params).url)


def ensure_portal(products: Sequence[PortalProduct]) -> bool:
    """Let the hosted portal change between ``products``; tell whether that was news.

    What a change costs is shown there before it is confirmed, and charged at once.
    """
    update = {
        "enabled": True,
        "default_allowed_updates": ["price", "quantity"],
        "proration_behavior": "always_invoice",
        "products": [
            {
                "product": product.product_id,
                "prices": list(product.price_ids),
                "adjustable_quantity": {
                    "enabled": True,
                    "minimum": product.seat_min,
                    "maximum": product.seat_max,
                },
            }
            for product in products
        ],
    }
    features = {**FEATURES, "subscription_update": update}
    # A fingerprint, because Stripe gives back more than it was given.
    digest = hashlib.sha256(json.dumps(features, sort_keys=True).encode()).hexdigest()
    params: Any = {
        "features": features,
        "metadata": {MARK: "1", "digest": digest},
    }
    with translated():
        configurations = client().v1.billing_portal.configurations
        found = _configuration()
        if found is None:
            configurations.create(params)
        elif found["metadata"].get("digest") != digest:
            configurations.update(found["id"], params)
        else:
            return False
    return True


def _configuration() -> dict[str, Any] | None:
    found = client().v1.billing_portal.configurations.list({"active": True})
    for configuration in found.auto_paging_iter():
        raw: dict[str, Any] = configuration.to_dict(for_json=True)
        if MARK in (raw.get("metadata") or {}):
            return raw
    return None
