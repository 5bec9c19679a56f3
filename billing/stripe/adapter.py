"""The one module that knows Stripe's SDK, as it is published.

``changes``, ``lists``, ``portal`` and ``products`` ask through its client. Every answer
is turned into the values of ``objects`` at once, every failure into one of
``exceptions``. Nothing here touches the database, so nothing here may be called inside
a transaction.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from typing import Any

import stripe
from celery import current_task
from django.conf import settings

from billing.stripe import convert
from billing.stripe.exceptions import (
    StripeMissing,
    StripeRefused,
    StripeUnavailable,
)
from billing.stripe.objects import (
    CheckoutSession,
    CreditNote,
    Customer,
    Dispute,
    Invoice,
    PaymentMethod,
    Refund,
    Subscription,
)
from core.breaker import Breaker

# The version this SDK was made for; an upgrade is a decision, not an accident.
API_VERSION = "2026-10-28.endive"
# Seconds to connect and to answer. Stripe takes up to two for a checkout session, so a
# person who pays waits for four rather than be turned away; nobody waits for a job.
REQUEST_TIMEOUT = (1.0, 3.0)
JOB_TIMEOUT = (2.0, 8.0)  # as above
# A request is tried once, since the person can try again under the same key.
JOB_RETRIES = 2
# How long buyers are told at once that Stripe is away, before one of them asks.
REST = 5.0
# What a coupon is for is told when asked, and no answer is expanded any deeper.
DISCOUNT_PART = "discounts.source.coupon.applies_to"
# What is read with a subscription rather than by its id.
SUBSCRIPTION_PARTS = (
    "default_payment_method",
    DISCOUNT_PART,
    "latest_invoice",
    "schedule",
)
# The same of a list, whose own level counts: discounts are a level too deep for it.
LISTED_PARTS = ("data.default_payment_method", "data.latest_invoice", "data.schedule")
# No answer, its limit, or our key, which staff replace: the same call may do later.
NOT_OF_THE_REQUEST = (
    stripe.APIConnectionError,
    stripe.RateLimitError,
    stripe.AuthenticationError,
    stripe.PermissionError,
)
# Another call with the same idempotency key runs, or holds the object: taken for a
# refusal, the next try would get a key of its own and do the work a second time.
CONFLICT = 409
# Else the SDK writes an id into the user's configuration folder and sends it.
stripe.enable_telemetry = False
# It would log two lines for every call.
logging.getLogger("stripe").setLevel(logging.WARNING)


breaker = Breaker("stripe", rest=REST, refusal=StripeUnavailable)


# One for people and one for jobs, and again for a key that is being replaced.
@lru_cache(maxsize=4)
def _client(key: str, base: str, *, is_job: bool) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        # All four: one that is left out would reach the real hosts.
        base_addresses={
            "api": base,
            "connect": base,
            "files": base,
            "meter_events": base,
        }
        if base
        else {},
        max_network_retries=JOB_RETRIES if is_job else 0,
        http_client=stripe.RequestsClient(
            timeout=JOB_TIMEOUT if is_job else REQUEST_TIMEOUT
        ),
    )


def client() -> stripe.StripeClient:
    """Return the client for the configured key and address."""
    if not settings.STRIPE_SECRET_KEY:
        raise StripeUnavailable
    return _client(
        settings.STRIPE_SECRET_KEY,
        settings.STRIPE_API_BASE,
        is_job=bool(current_task),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's errors into ours; while Stripe is away nobody waits for it."""
    try:
        with breaker.asking(stripe.APIConnectionError):
            yield
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            raise StripeMissing(reason=str(error)) from error
        raise StripeRefused(reason=str(error)) from error
    except NOT_OF_THE_REQUEST as error:
        raise StripeUnavailable(reason=str(error)) from error
    except stripe.StripeError as error:
        if error.http_status == CONFLICT or (error.http_status or 500) >= 500:
            raise StripeUnavailable(reason=str(error)) from error
        raise StripeRefused(reason=str(error)) from error


# Customers.

# A test clock; empty is the time of everybody.
_clock_of_customers: ContextVar[str] = ContextVar("stripe_test_clock", default="")


@contextmanager
def customers_on_clock(clock_id: str) -> Iterator[None]:
    """Let customers that are made inside live by a test clock, with all they buy."""
    token = _clock_of_customers.set(clock_id)
    try:
        yield
    finally:
        _clock_of_customers.reset(token)


def create_customer(
    *, name: str, email: str, organisation: str, idempotency_key: str
) -> Customer:
    """Create who pays for the organisation with the public id ``organisation``."""
    params: Any = {"name": name, "metadata": {"organisation": organisation}}
    if email:
        params["email"] = email
    if clock := _clock_of_customers.get():
        params["test_clock"] = clock
    with translated():
        return convert.customer(
            client()
            .v1.customers.create(params, {"idempotency_key": idempotency_key})
            .to_dict(for_json=True)
        )


def write_customer(customer_id: str, *, name: str, email: str) -> None:
    """Have bills name an organisation and go to ``email``. Safe to repeat.

    Without one they go where they went: an address cannot be unset. Raises
    ``StripeMissing``.
    """
    params: Any = {"name": name} | ({"email": email} if email else {})
    with translated():
        client().v1.customers.update(customer_id, params)


def fetch_customer(customer_id: str) -> Customer:
    """Return a customer as it is now. Raises ``StripeMissing``."""
    with translated():
        return convert.customer(
            client()
            .v1.customers.retrieve(
                customer_id, {"expand": ["invoice_settings.default_payment_method"]}
            )
            .to_dict(for_json=True)
        )


def fetch_payment_method(method_id: str) -> PaymentMethod:
    """Return a payment method as it is now. Raises ``StripeMissing``."""
    with translated():
        return convert.payment_method(
            client().v1.payment_methods.retrieve(method_id).to_dict(for_json=True)
        )


def has_customer(customer_id: str) -> bool:
    """Return whether Stripe still has a customer."""
    try:
        return not fetch_customer(customer_id).is_deleted
    except StripeMissing:
        return False


# Hosted pages.


def create_checkout_session(
    *,
    customer_id: str,
    price_id: str,
    quantity: int,
    reference: str,
    metadata: Mapping[str, str],
    trial_days: int,
    trial_needs_card: bool,
    locale: str,
    success_url: str,
    cancel_url: str,
    idempotency_key: str,
) -> CheckoutSession:
    """Open the hosted checkout for one subscription.

    A trial that ends without a card ends the subscription: nothing is owed, and the
    next order is a new one.
    """
    subscription: dict[str, Any] = {"metadata": dict(metadata)}
    collection: dict[str, str] = {}
    if trial_days:
        subscription["trial_period_days"] = trial_days
        subscription["trial_settings"] = {
            "end_behavior": {"missing_payment_method": "cancel"}
        }
        if not trial_needs_card:
            collection = {"payment_method_collection": "if_required"}
    params: Any = {
        "mode": "subscription",
        "customer": customer_id,
        "client_reference_id": reference,
        "line_items": [{"price": price_id, "quantity": quantity}],
        "metadata": dict(metadata),
        "subscription_data": subscription,
        "allow_promotion_codes": True,
        **collection,
        "locale": locale,
        "success_url": success_url,
        "cancel_url": cancel_url,
    }
    with translated():
        return convert.checkout_session(
            client()
            .v1.checkout.sessions.create(params, {"idempotency_key": idempotency_key})
            .to_dict(for_json=True)
        )


def fetch_checkout_session(session_id: str) -> CheckoutSession:
    """Return a checkout session as it is now. Raises ``StripeMissing``."""
    with translated():
        return convert.checkout_session(
            client().v1.checkout.sessions.retrieve(session_id).to_dict(for_json=True)
        )


def expire_checkout_session(session_id: str) -> CheckoutSession:
    """Close an open session. Raises ``StripeRefused`` when it is not open."""
    with translated():
        return convert.checkout_session(
            client().v1.checkout.sessions.expire(session_id).to_dict(for_json=True)
        )


# Subscriptions, invoices, refunds.


def fetch_subscription(subscription_id: str) -> Subscription:
    """Return a subscription as it is now. Raises ``StripeMissing``."""
    with translated():
        return read_subscription(_raw_subscription(subscription_id))


def read_listed(raw: Mapping[str, Any]) -> Subscription:
    """Return a subscription of a list that was asked for with ``LISTED_PARTS``.

    One with discounts is asked for by itself.
    """
    return read_subscription(
        _raw_subscription(raw["id"]) if raw.get("discounts") else raw
    )


def read_subscription(raw: Mapping[str, Any]) -> Subscription:
    """Return a subscription, with what its own answer has no room for.

    ``raw`` was asked for with ``SUBSCRIPTION_PARTS``. Items with discounts are asked
    for by themselves, since theirs lie too deep in it.
    """
    items = raw["items"]
    read = [
        _raw_item(item["id"]) if item.get("discounts") else item
        for item in items["data"]
    ]
    raw = {**raw, "items": {**items, "data": read}}
    return _with_payment(convert.subscription(raw))


def _raw_subscription(subscription_id: str) -> dict[str, Any]:
    found = client().v1.subscriptions.retrieve(
        subscription_id, {"expand": list(SUBSCRIPTION_PARTS)}
    )
    return found.to_dict(for_json=True)


def _raw_item(item_id: str) -> dict[str, Any]:
    params: Any = {"expand": [DISCOUNT_PART]}
    found = client().v1.subscription_items.retrieve(item_id, params)
    return found.to_dict(for_json=True)


def _with_payment(subscription: Subscription) -> Subscription:
    """Look up what was paid for where it may not be what is asked for now."""
    if subscription.status != "past_due":
        return subscription
    params: Any = {"subscription": subscription.id, "status": "paid", "limit": 1}
    paid = client().v1.invoices.list(params).to_dict(for_json=True)["data"]
    found = convert.paid_for(lines_of(paid[0])) if paid else None
    return replace(subscription, paid_for=found)


def fetch_invoice(invoice_id: str) -> Invoice:
    """Return an invoice with all its lines. Raises ``StripeMissing``."""
    with translated():
        invoice = client().v1.invoices.retrieve(invoice_id, {"expand": ["payments"]})
        raw = invoice.to_dict(for_json=True)
        return convert.invoice(raw, lines_of(raw))


def lines_of(invoice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all lines of an invoice; it shows the first ten itself."""
    if not invoice["lines"].get("has_more"):
        shown: list[dict[str, Any]] = invoice["lines"]["data"]
        return shown
    every = client().v1.invoices.line_items.list(invoice["id"], {"limit": 100})
    return [line.to_dict(for_json=True) for line in every.auto_paging_iter()]


def fetch_refund(refund_id: str) -> Refund:
    """Return a refund and the invoice its money came from."""
    with translated():
        raw = client().v1.refunds.retrieve(refund_id).to_dict(for_json=True)
        return convert.refund(raw, invoice_id=_invoice_of(raw))


def fetch_dispute(dispute_id: str) -> Dispute:
    """Return a dispute and the invoice whose money it takes back."""
    with translated():
        raw = client().v1.disputes.retrieve(dispute_id).to_dict(for_json=True)
        return convert.dispute(raw, invoice_id=_invoice_of(raw))


def fetch_credit_note(note_id: str) -> CreditNote:
    """Return a credit note. Raises ``StripeMissing``."""
    with translated():
        found = client().v1.credit_notes.retrieve(note_id)
        return convert.credit_note(found.to_dict(for_json=True))


def _invoice_of(refund: Mapping[str, Any]) -> str:
    intent = convert.reference(refund.get("payment_intent"))
    if not intent:
        return ""
    params: Any = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    payments = client().v1.invoice_payments.list(params).to_dict(for_json=True)
    return next((convert.reference(row["invoice"]) for row in payments["data"]), "")


def verify_signature(body: bytes, header: str, secret: str) -> None:
    """Check one secret with the SDK; raises whatever the SDK raises."""
    stripe.WebhookSignature.verify_header(body, header, secret, None)


SIGNATURE_ERRORS = (
    stripe.SignatureVerificationError,
    # Undecodable bytes and bad numbers; odd characters; a list where an object
    # belongs: the SDK lets all three through.
    ValueError,
    TypeError,
    AttributeError,
)
