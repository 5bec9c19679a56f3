"""The one module that speaks to Stripe, with the SDK as it is published.

Every answer is turned into the values of ``objects`` at once, every failure into
one of ``exceptions``. Nothing here touches the database, so nothing here may be
called inside a transaction.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
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
    Charge,
    CheckoutSession,
    CreditNote,
    Customer,
    Dispute,
    Invoice,
    Preview,
    Price,
    PromotionCode,
    Refund,
    Subscription,
)
from core.breaker import Breaker

# The version this SDK was made for; an upgrade is a decision, not an accident.
API_VERSION = "2026-10-28.endive"
# Seconds to connect and to answer. Stripe takes up to two for a checkout session, so a
# person who pays waits for four rather than be turned away; nobody waits for a job.
REQUEST_TIMEOUT = (1.0, 3.0)
JOB_TIMEOUT = (2.0, 8.0)
# A request is tried once, since the person can try again under the same key.
JOB_RETRIES = 2
# How long buyers are told at once that Stripe is away, before one of them asks.
REST = 5.0
# What is read with a subscription rather than by its id.
SUBSCRIPTION_PARTS = (
    "default_payment_method",
    "discounts.source.coupon",
    "latest_invoice",
    "schedule",
)
# By this we know our portal configuration among others of the account.
PORTAL_MARK = "doorstone"
PORTAL_FEATURES: dict[str, Any] = {
    "customer_update": {"enabled": True, "allowed_updates": ["email", "name"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": False},
    "subscription_update": {"enabled": False},
}
# Else the SDK writes an id into the user's configuration folder and sends it.
stripe.enable_telemetry = False
# It would log two lines for every call.
logging.getLogger("stripe").setLevel(logging.WARNING)


breaker = Breaker("stripe", rest=REST, refusal=StripeUnavailable)


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
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise StripeUnavailable(reason=str(error)) from error
    except stripe.StripeError as error:
        if (error.http_status or 500) >= 500:
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


def create_portal_session(*, customer_id: str, return_url: str, locale: str) -> str:
    """Return a link into the hosted portal; whoever has it is the customer."""
    params: Any = {"customer": customer_id, "return_url": return_url, "locale": locale}
    with translated():
        found = _portal_configuration()
        if found is not None:
            params["configuration"] = found["id"]
        return str(client().v1.billing_portal.sessions.create(params).url)


def ensure_portal() -> bool:
    """Let the hosted portal do what it is best at; tell whether that was news.

    Cards, addresses and invoices. A plan is changed and ended on our own pages, which
    keep what was shown.
    """
    features = PORTAL_FEATURES
    # A fingerprint, because Stripe gives back more than it was given.
    digest = hashlib.sha256(json.dumps(features, sort_keys=True).encode()).hexdigest()
    params: Any = {
        "features": features,
        "metadata": {PORTAL_MARK: "1", "digest": digest},
    }
    with translated():
        configurations = client().v1.billing_portal.configurations
        found = _portal_configuration()
        if found is None:
            configurations.create(params)
        elif found["metadata"].get("digest") != digest:
            configurations.update(found["id"], params)
        else:
            return False
    return True


def _portal_configuration() -> dict[str, Any] | None:
    found = client().v1.billing_portal.configurations.list({"active": True})
    for configuration in found.auto_paging_iter():
        raw: dict[str, Any] = configuration.to_dict(for_json=True)
        if PORTAL_MARK in (raw.get("metadata") or {}):
            return raw
    return None


# Subscriptions, invoices, refunds.


def fetch_subscription(subscription_id: str) -> Subscription:
    """Return a subscription as it is now. Raises ``StripeMissing``."""
    with translated():
        found = client().v1.subscriptions.retrieve(
            subscription_id, {"expand": list(SUBSCRIPTION_PARTS)}
        )
        return _with_payment(convert.subscription(found.to_dict(for_json=True)))


def _with_payment(subscription: Subscription) -> Subscription:
    """Look up what was paid for where it may not be what is asked for now."""
    if subscription.status != "past_due":
        return subscription
    params: Any = {"subscription": subscription.id, "status": "paid", "limit": 1}
    paid = client().v1.invoices.list(params).to_dict(for_json=True)["data"]
    found = convert.paid_for(_lines(paid[0])) if paid else None
    return replace(subscription, paid_for=found)


def fetch_invoice(invoice_id: str) -> Invoice:
    """Return an invoice with all its lines. Raises ``StripeMissing``."""
    with translated():
        invoice = client().v1.invoices.retrieve(invoice_id, {"expand": ["payments"]})
        raw = invoice.to_dict(for_json=True)
        return convert.invoice(raw, _lines(raw))


def _lines(invoice: Mapping[str, Any]) -> list[dict[str, Any]]:
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


# Changing a subscription.


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a subscription shall become.

    ``price_id`` is empty where the price stays. ``at`` is the second from which it
    counts; ``promotion_code_id`` comes to the discounts that are there.
    """

    subscription_id: str
    item_id: str
    price_id: str
    quantity: int
    discount_ids: tuple[str, ...] = ()
    promotion_code_id: str = ""

    @property
    def item(self) -> dict[str, Any]:
        price = {"price": self.price_id} if self.price_id else {}
        return {"id": self.item_id, "quantity": self.quantity, **price}

    @property
    def discounts(self) -> dict[str, Any]:
        """The parameter, where something comes to what is there."""
        if not self.promotion_code_id:
            return {}
        kept = [{"discount": each} for each in self.discount_ids]
        return {"discounts": [*kept, {"promotion_code": self.promotion_code_id}]}


def preview_change(wish: Wish, *, at: int | None) -> Preview:
    """Return the invoice of a change that is made now and counts from ``at``.

    Without ``at`` it counts from now, by Stripe's clock, and the preview says when
    that was.
    """
    details: dict[str, Any] = {
        "items": [wish.item],
        "proration_behavior": "always_invoice",
    }
    if at is not None:
        details["proration_date"] = at
    return _preview(
        {"subscription_details": details, **wish.discounts}, wish.subscription_id
    )


def preview_renewal(wish: Wish, *, lasting: tuple[str, ...] | None = None) -> Preview:
    """Return the invoice of the next period, if the change is made when it begins.

    ``lasting`` are the discounts there will still be; another billing period is
    previewed as if it began today, and would count those that end before.
    """
    details = {"items": [wish.item], "proration_behavior": "none"}
    discounts: dict[str, Any] = wish.discounts
    if lasting is not None:
        discounts = {"discounts": [{"discount": each} for each in lasting] or ""}
    return _preview(
        {"subscription_details": details, **discounts}, wish.subscription_id
    )


def _preview(params: dict[str, Any], subscription_id: str) -> Preview:
    given: Any = {"subscription": subscription_id, **params}
    with translated():
        found = client().v1.invoices.create_preview(given)
        raw = found.to_dict(for_json=True)
    return convert.preview(raw, raw["lines"]["data"])


def change_subscription(
    wish: Wish, *, at: int | None, idempotency_key: str
) -> Subscription:
    """Change a subscription now and charge what that costs, or do neither.

    A payment that is not made leaves the subscription as it was: the change waits for
    its invoice, and one with a code, which cannot wait, is refused.
    """
    pays = "error_if_incomplete" if wish.promotion_code_id else "pending_if_incomplete"
    params: Any = {
        "items": [wish.item],
        "proration_behavior": "always_invoice",
        "payment_behavior": pays,
        "expand": list(SUBSCRIPTION_PARTS),
        **wish.discounts,
    }
    if at is not None:
        params["proration_date"] = at
    with translated():
        changed = client().v1.subscriptions.update(
            wish.subscription_id, params, {"idempotency_key": idempotency_key}
        )
        return _with_payment(convert.subscription(changed.to_dict(for_json=True)))


def schedule_change(wish: Wish, *, idempotency_key: str) -> str:
    """Let a subscription become something else when its period ends; return the id.

    Discounts and tax go on: what a phase does not name would be gone.
    """
    options: Any = {"idempotency_key": f"{idempotency_key}:begin"}
    with translated():
        schedules = client().v1.subscription_schedules
        begun: Any = {"from_subscription": wish.subscription_id}
        raw = schedules.create(begun, options).to_dict(for_json=True)
        running = raw["phases"][0]
        kept: dict[str, Any] = {}
        if rates := running.get("default_tax_rates"):
            kept["default_tax_rates"] = [convert.reference(rate) for rate in rates]
        if given := running.get("discounts"):
            kept["discounts"] = [
                {"discount": convert.reference(each["discount"])} for each in given
            ]
        now = {
            "items": [
                {
                    "price": convert.reference(item["price"]),
                    "quantity": item["quantity"],
                }
                for item in running["items"]
            ],
            "start_date": running["start_date"],
            "end_date": running["end_date"],
            **kept,
        }
        price_id = wish.price_id or now["items"][0]["price"]
        then = {"items": [{"price": price_id, "quantity": wish.quantity}], **kept}
        params: Any = {
            "phases": [now, {**then, "proration_behavior": "none"}],
            "end_behavior": "release",
        }
        options = {"idempotency_key": f"{idempotency_key}:phases"}
        schedules.update(raw["id"], params, options)
        return str(raw["id"])


def release_schedule(schedule_id: str) -> None:
    """Let a subscription go on as it is. What is over already is no failure."""
    with translated():
        schedules = client().v1.subscription_schedules
        found = schedules.retrieve(schedule_id)
        if found.status in {"active", "not_started"}:
            schedules.release(schedule_id)


def set_ending(
    subscription_id: str, *, ends: bool, feedback: str = "", comment: str = ""
) -> Subscription:
    """Let a subscription end with its period, or go on after all."""
    params: Any = {
        "cancel_at_period_end": ends,
        "expand": list(SUBSCRIPTION_PARTS),
    }
    if ends:
        params["cancellation_details"] = {
            name: value
            for name, value in (("feedback", feedback), ("comment", comment))
            if value
        }
    with translated():
        found = client().v1.subscriptions.update(subscription_id, params)
        return _with_payment(convert.subscription(found.to_dict(for_json=True)))


def find_promotion_code(code: str) -> PromotionCode | None:
    """Return the active code a buyer typed."""
    params: Any = {"code": code, "active": True, "limit": 1}
    with translated():
        found = client().v1.promotion_codes.list(params).to_dict(for_json=True)["data"]
    if not found:
        return None
    return PromotionCode(id=found[0]["id"], code=found[0]["code"])


# Lists, for reconciliation.


def events_since(created: int) -> Iterator[dict[str, Any]]:
    """Yield every event of the account since a moment, newest first."""
    with translated():
        events = client().v1.events.list({"created": {"gte": created}, "limit": 100})
        for event in events.auto_paging_iter():
            yield event.to_dict(for_json=True)


def subscriptions() -> Iterator[Subscription]:
    """Yield every subscription of the account, ended ones too."""
    parts = [f"data.{part}" for part in SUBSCRIPTION_PARTS]
    params: Any = {"status": "all", "limit": 100, "expand": parts}
    with translated():
        for raw in _every(client().v1.subscriptions.list(params)):
            yield _with_payment(convert.subscription(raw))


def invoices() -> Iterator[Invoice]:
    """Yield every invoice of the account with its lines and payments."""
    params: Any = {"limit": 100, "expand": ["data.payments"]}
    with translated():
        for raw in _every(client().v1.invoices.list(params)):
            yield convert.invoice(raw, _lines(raw))


def refunds(invoice_of: Mapping[str, str]) -> Iterator[Refund]:
    """Yield every refund; ``invoice_of`` knows invoices by payment intent."""
    with translated():
        for raw in _every(client().v1.refunds.list({"limit": 100})):
            intent = convert.reference(raw.get("payment_intent"))
            yield convert.refund(raw, invoice_id=invoice_of.get(intent, ""))


def disputes(invoice_of: Mapping[str, str]) -> Iterator[Dispute]:
    """Yield every dispute; ``invoice_of`` knows invoices by payment intent."""
    with translated():
        for raw in _every(client().v1.disputes.list({"limit": 100})):
            intent = convert.reference(raw.get("payment_intent"))
            yield convert.dispute(raw, invoice_id=invoice_of.get(intent, ""))


def credit_notes() -> Iterator[CreditNote]:
    """Yield every credit note of the account."""
    with translated():
        for raw in _every(client().v1.credit_notes.list({"limit": 100})):
            yield convert.credit_note(raw)


def charges() -> Iterator[Charge]:
    """Yield every charge of the account."""
    with translated():
        for raw in _every(client().v1.charges.list({"limit": 100})):
            yield convert.charge(raw)


def customers() -> Iterator[Customer]:
    """Yield every customer of the account that was not deleted."""
    part = "data.invoice_settings.default_payment_method"
    params: Any = {"limit": 100, "expand": [part]}
    with translated():
        for raw in _every(client().v1.customers.list(params)):
            yield convert.customer(raw)


def _every(found: Any) -> Iterator[dict[str, Any]]:
    for each in found.auto_paging_iter():
        yield each.to_dict(for_json=True)


# Products and prices.


def has_product(product_id: str) -> bool:
    """Say whether Stripe has a product of this id."""
    try:
        with translated():
            found = client().v1.products.retrieve(product_id)
    except StripeMissing:
        return False
    return not found.to_dict().get("deleted")


def has_price(price_id: str) -> bool:
    """Say whether Stripe still sells the price."""
    if not price_id:
        return False
    try:
        with translated():
            found = client().v1.prices.retrieve(price_id)
    except StripeMissing:
        return False
    return bool(found.to_dict().get("active"))


def ensure_product(*, key: str, name: str, product_id: str = "") -> str:
    """Return the product of the plan ``key``; create or rename it when needed."""
    with translated():
        products = client().v1.products
        if product_id:
            with_name = products.update(product_id, {"name": name, "active": True})
            return str(with_name.id)
        for product in products.list({"limit": 100, "active": True}).auto_paging_iter():
            if product.to_dict()["metadata"].get("plan") == key:
                return str(product.id)
        created = products.create(
            {"name": name, "metadata": {"plan": key}},
            {"idempotency_key": f"product:{key}"},
        )
        return str(created.id)


def find_price(lookup_key: str) -> Price | None:
    """Return the active price that carries ``lookup_key``."""
    with translated():
        found = client().v1.prices.list({"lookup_keys": [lookup_key], "active": True})
        rows = found.to_dict(for_json=True)["data"]
        return convert.price(rows[0]) if rows else None


def create_price(
    *, product_id: str, lookup_key: str, unit_amount: int, currency: str, interval: Any
) -> Price:
    """Create a recurring price and give it ``lookup_key``, whoever had it before."""
    with translated():
        return convert.price(
            client()
            .v1.prices.create(
                {
                    "product": product_id,
                    "lookup_key": lookup_key,
                    "transfer_lookup_key": True,
                    "unit_amount": unit_amount,
                    "currency": currency,
                    "recurring": {"interval": interval},
                    "tax_behavior": "exclusive",
                }
            )
            .to_dict(for_json=True)
        )


def retire_price(price_id: str) -> None:
    """Stop selling a price; who pays it goes on paying it."""
    with translated():
        client().v1.prices.update(price_id, {"active": False})


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
