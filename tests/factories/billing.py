"""Plans, prices and what Stripe would say, as small as they can be."""

import hashlib
import hmac
import itertools
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import Organisation, User
from billing.ledger.models import Invoice
from billing.ledger.records import InvoiceRecord, LineRecord
from billing.ledger.services import record_invoice
from billing.plans.models import Price
from billing.plans.services import ensure_default_plans
from billing.stripe import objects
from billing.subscriptions.models import BillingAccount, StaffGrant

SECRET = "whsec_test"
_numbers = itertools.count(1)


def default_price(key: str, interval: str = "month") -> Price:
    """Return the price of a default plan, as if it were known to Stripe."""
    version = ensure_default_plans()[key]
    price = version.prices.get(interval=interval)
    if not price.stripe_price_id:
        price.stripe_price_id = f"price_{price.lookup_key}"
        price.save(update_fields=["stripe_price_id"])
    return price


def customer_of(organisation: Organisation) -> str:
    """Return the customer id of an organisation; writes one when it has none."""
    account, _ = BillingAccount.objects.get_or_create(
        pk=organisation.pk, defaults={"stripe_customer_id": f"cus_{organisation.pk}"}
    )
    return account.stripe_customer_id or ""


def fetched_subscription(
    organisation: Organisation, price: Price, **fields: Any
) -> objects.Subscription:
    """Return an active subscription as the adapter would hand it out."""
    now = datetime.now(UTC)
    number = next(_numbers)
    quantity = fields.pop("quantity", 1)
    values: dict[str, Any] = {
        "id": f"sub_{number}",
        "status": "active",
        "customer_id": customer_of(organisation),
        "currency": price.currency,
        "collection_method": "charge_automatically",
        "items": (
            objects.SubscriptionItem(
                id=f"si_{number}",
                price_id=price.stripe_price_id or "",
                quantity=quantity,
                period_start=now,
                period_end=now.replace(year=now.year + 1),
                unit_amount=price.unit_amount,
                interval=price.interval,
            ),
        ),
        "paid_for": (price.stripe_price_id or "", quantity),
        "started_at": now,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "trial_end": None,
        "latest_invoice_id": "",
        "card": None,
    }
    return objects.Subscription(**{**values, **fields})


def invoice_record(amount: int = 2_000, **fields: Any) -> InvoiceRecord:
    """Return a paid invoice of one line."""
    now = datetime.now(UTC)
    number = next(_numbers)
    values: dict[str, Any] = {
        "stripe_id": f"in_{number}",
        "number": f"DS-{number:06}",
        "status": "paid",
        "currency": "usd",
        "subtotal": amount,
        "total": amount,
        "amount_due": amount,
        "amount_paid": amount,
        "issued_at": now,
        "paid_at": now,
        "lines": (LineRecord(stripe_id=f"il_{number}", amount=amount),),
    }
    return InvoiceRecord(**{**values, **fields})


def paid_invoice_of(organisation: Organisation, amount: int = 2_000) -> Invoice:
    """Have an organisation pay an invoice now."""
    return record_invoice(
        invoice_record(amount),
        organisation_id=organisation.pk,
        user_id=None,
        fetched_at=datetime.now(UTC),
    )


def grant_of(organisation: Organisation, *, is_over: bool = False) -> StaffGrant:
    """Return a plan that was given to an organisation."""
    now = datetime.now(UTC)
    return StaffGrant.objects.create(
        organisation=organisation,
        plan_version=ensure_default_plans()["pro"],
        reason="A pilot",
        starts_at=now - timedelta(days=2),
        ends_at=now - timedelta(days=1) if is_over else None,
    )


def signature(body: bytes, *, secret: str = SECRET, at: int | None = None) -> str:
    """Sign ``body`` as Stripe does."""
    stamp = at if at is not None else int(time.time())
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return f"t={stamp},v1={mac.hexdigest()}"


def event_body(kind: str, about: dict[str, Any], **fields: Any) -> bytes:
    """Return a webhook's body."""
    event = {
        "id": f"evt_{next(_numbers)}_{time.time_ns()}",
        "object": "event",
        "type": kind,
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": about},
    }
    return json.dumps({**event, **fields}).encode()


def team_of(owner: User, name: str = "Northwind") -> Organisation:
    """Return a team organisation ``owner`` has just made."""
    from accounts.services import create_organisation

    return create_organisation(name, owner=owner)
