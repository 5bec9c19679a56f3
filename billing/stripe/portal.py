"""The hosted portal, where customers look after cards, addresses and invoices."""

import hashlib
import json
from typing import Any

from billing.stripe.adapter import client, translated

# By this we know our portal configuration among others of the account.
MARK = "doorstone"
FEATURES: dict[str, Any] = {
    "customer_update": {"enabled": True, "allowed_updates": ["email", "name"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": False},
    "subscription_update": {"enabled": False},
}


def create_portal_session(*, customer_id: str, return_url: str, locale: str) -> str:
    """Return a link into the hosted portal; it signs its bearer in."""
    params: Any = {"customer": customer_id, "return_url": return_url, "locale": locale}
    with translated():
        found = _configuration()
        if found is not None:
            params["configuration"] = found["id"]
        return str(client().v1.billing_portal.sessions.create(params).url)


def ensure_portal() -> bool:
    """Let the hosted portal do what it is best at; tell whether that was news.

    Cards, addresses and invoices. A plan is changed and ended on our own pages, which
    keep what was shown.
    """
    # A fingerprint, because Stripe gives back more than it was given.
    digest = hashlib.sha256(json.dumps(FEATURES, sort_keys=True).encode()).hexdigest()
    params: Any = {
        "features": FEATURES,
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
