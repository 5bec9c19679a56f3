"""Buying, managing and ending a plan."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, User
from billing.plans.exceptions import PlanNotOnOffer, PlanNotSynced
from billing.plans.models import Price
from billing.stripe import adapter, portal, products
from billing.stripe.catalogue import sync_plans
from billing.stripe.exceptions import StripeError, StripeMissing, StripeRefused
from billing.stripe.objects import CheckoutSession
from billing.stripe.operations import run_once
from billing.subscriptions import queries
from billing.subscriptions.customers import (
    ensure_customer,
    forget_customer,
)
from billing.subscriptions.exceptions import (
    AlreadySubscribed,
    NoCustomer,
    SeatsOutOfRange,
    TrialNotOnOffer,
    UnknownCheckout,
)
from billing.subscriptions.mirror import (
    settle_grants_of,
    sync_invoice,
    sync_subscription,
)
from billing.subscriptions.models import (
    BillingAccount,
    CheckoutIntent,
    Subscription,
)
from billing.subscriptions.trials import lock_people, trial_days_for
from contracts.billing import CheckoutStarted
from outbox import publish

logger = logging.getLogger(__name__)

# Stripe's names for our languages.
LOCALES = {"en": "en", "zh-hans": "zh"}
# A session about to end is not worth sending anybody to.
MARGIN = timedelta(minutes=2)


def open_checkout(
    organisation: Organisation,
    *,
    user: User,
    price: Price,
    seats: int = 1,
    shown_trial: int | None = None,
) -> CheckoutIntent:
    """Return an open checkout to send ``user`` to; the same one for the same wish.

    Two clicks at once end at one session: the wish is written under the lock of
    the organisation's row, and its id is the key of the call. ``shown_trial`` is how
    many days of trial the buyer was shown. Raises ``PlanNotOnOffer``,
    ``PlanNotSynced``, ``SeatsOutOfRange``, ``TrialNotOnOffer`` or
    ``AlreadySubscribed``.
    """
    version = price.plan_version
    if not version.is_bought_online or version.retired_at or not version.published_at:
        raise PlanNotOnOffer
    if not version.seat_min <= seats <= version.seat_max:
        raise SeatsOutOfRange
    if not price.stripe_price_id:
        raise PlanNotSynced

    intent, replaced = _open_intent(
        organisation, user=user, price=price, seats=seats, shown_trial=shown_trial
    )
    for old in replaced:
        _close_session(old)
    if intent.session_url:
        return intent
    session = _open_session(intent)
    intent = _record_session(intent, session)
    if intent.state == CheckoutIntent.State.SUPERSEDED:
        # A plan appeared while Stripe was asked: nobody may pay a second one.
        close_checkouts(organisation.pk)
        raise AlreadySubscribed
    return intent


def fulfil_checkout(session_id: str) -> CheckoutIntent:
    """Bring a checkout up to what Stripe says, from the return page or an event.

    Safe to call any number of times, from both at once. Raises ``UnknownCheckout``.
    """
    try:
        session = adapter.fetch_checkout_session(session_id)
    except StripeMissing as error:
        raise UnknownCheckout from error
    intent = _intent_of(session)
    if session.status == "complete":
        if session.subscription_id:
            sync_subscription(session.subscription_id)
        if session.invoice_id:
            sync_invoice(session.invoice_id)
        # Last, so that a reader who sees it complete sees what it brought too.
        _move(intent, CheckoutIntent.State.COMPLETE)
    elif session.status == "expired":
        _move(intent, CheckoutIntent.State.EXPIRED)
    intent.refresh_from_db()
    return intent


def open_portal(organisation: Organisation, *, return_path: str, language: str) -> str:
    """Return a link into the hosted portal. Raises ``NoCustomer``.

    The bearer of the link acts as the organisation: never store or mail it.
    """
    account = BillingAccount.objects.filter(pk=organisation.pk).first()
    if account is None or not account.stripe_customer_id:
        raise NoCustomer
    try:
        return portal.create_portal_session(
            customer_id=account.stripe_customer_id,
            return_url=urljoin(settings.SITE_URL, return_path),
            locale=LOCALES.get(language, "auto"),
        )
    except StripeMissing as error:
        if adapter.has_customer(account.stripe_customer_id):
            raise
        forget_customer(account.stripe_customer_id)
        raise NoCustomer from error


def close_checkouts(organisation_id: int | None = None) -> int:
    """Close the sessions of checkouts that gave way; return how many are closed.

    What a crash or an outage left open is found again: a session can be paid
    for a day.
    """
    open_ones = CheckoutIntent.objects.filter(
        state=CheckoutIntent.State.SUPERSEDED,
        closed_at=None,
        stripe_session_id__isnull=False,
        expires_at__gt=timezone.now(),
    )
    if organisation_id is not None:
        open_ones = open_ones.filter(organisation=organisation_id)
    count = 0
    for intent in list(open_ones):
        try:
            _close_session(_Replaced(intent.pk, intent.stripe_session_id or ""))
        except AlreadySubscribed:
            # It was paid first; what it bought is known now, and staff are told.
            logger.warning("checkout.paid_twice", extra={"intent": intent.pk})
        except StripeError as error:
            logger.warning("checkout.not_closed", extra={"error": str(error)})
            continue
        count += 1
    return count


def expire_grace() -> int:
    """Take the plan from subscriptions whose grace is over; return how many."""
    due = Subscription.objects.live().filter(
        grace_until__lte=timezone.now(), granted_plan__gt=""
    )
    count = 0
    for pk in list(due.values_list("pk", flat=True)):
        count += _settle(pk)
    return count


@dataclass(frozen=True, slots=True)
class _Replaced:
    """An intent that gave way to a newer one."""

    pk: int
    session_id: str


@transaction.atomic
def _open_intent(
    organisation: Organisation,
    *,
    user: User,
    price: Price,
    seats: int,
    shown_trial: int | None,
) -> tuple[CheckoutIntent, list[_Replaced]]:
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    live = Subscription.objects.live().with_plan().filter(organisation=organisation)
    if live.exists() or queries.awaits_subscription(organisation):
        raise AlreadySubscribed
    if price.plan_version.trial_days:
        lock_people(organisation, user)
    trial_days = trial_days_for(organisation, user, price.plan_version)
    if shown_trial is not None and shown_trial != trial_days:
        raise TrialNotOnOffer
    replaced = []
    for intent in CheckoutIntent.objects.filter(
        organisation=organisation, state=CheckoutIntent.State.OPEN
    ):
        is_usable = (
            intent.expires_at is None or intent.expires_at > timezone.now() + MARGIN
        )
        if (
            is_usable
            and intent.price_id == price.pk
            and intent.seats == seats
            and intent.user_id == user.pk
            and intent.trial_days == trial_days
        ):
            return intent, []
        intent.state = CheckoutIntent.State.SUPERSEDED
        intent.save(update_fields=["state"])
        if intent.stripe_session_id:
            replaced.append(_Replaced(intent.pk, intent.stripe_session_id))
    intent = CheckoutIntent.objects.create(
        organisation=organisation,
        user=user,
        price=price,
        seats=seats,
        trial_days=trial_days,
    )
    return intent, replaced


def _close_session(replaced: _Replaced) -> None:
    """Close a session that gave way; should it have been paid, keep what it bought."""
    try:
        adapter.expire_checkout_session(replaced.session_id)
    except StripeMissing:
        pass
    except StripeRefused as error:
        intent = fulfil_checkout(replaced.session_id)
        _record_closed(replaced)
        if intent.state == CheckoutIntent.State.COMPLETE:
            raise AlreadySubscribed from error
    _record_closed(replaced)


def _record_closed(replaced: _Replaced) -> None:
    CheckoutIntent.objects.filter(pk=replaced.pk, closed_at=None).update(
        closed_at=timezone.now()
    )


def _open_session(intent: CheckoutIntent) -> CheckoutSession:
    """Open the hosted page; what Stripe has lost meanwhile is made anew, once."""
    customer_id = ensure_customer(intent.organisation)
    try:
        return _create_session(intent, customer_id=customer_id)
    except (StripeMissing, StripeRefused):
        if not _repair_references(intent, customer_id=customer_id):
            raise
    return _create_session(intent, customer_id=ensure_customer(intent.organisation))


def _repair_references(intent: CheckoutIntent, *, customer_id: str) -> bool:
    """Doubt the ids we keep; return whether one of them was dead and is replaced."""
    is_repaired = False
    if not adapter.has_customer(customer_id):
        is_repaired = forget_customer(customer_id)
    price_id = intent.price.stripe_price_id
    if not products.has_price(price_id or ""):
        list(sync_plans())
        intent.price.refresh_from_db(fields=["stripe_price_id"])
        is_repaired = is_repaired or intent.price.stripe_price_id != price_id
    return is_repaired


def _create_session(intent: CheckoutIntent, *, customer_id: str) -> CheckoutSession:
    version = intent.price.plan_version
    locale = LOCALES.get(intent.user.locale, "auto") if intent.user else "auto"
    review = reverse("subscriptions:checkout", args=[version.plan.key])
    back = reverse("subscriptions:checkout-return")
    organisation = intent.organisation
    params: dict[str, Any] = {
        "customer_id": customer_id,
        "price_id": intent.price.stripe_price_id or "",
        "quantity": intent.price.quantity_for(intent.seats),
        "reference": str(intent.uuid),
        "metadata": {
            "organisation": organisation.public_id,
            "plan_version": str(version),
            "intent": str(intent.uuid),
        },
        "trial_days": intent.trial_days,
        "trial_needs_card": version.trial_needs_card,
        "locale": locale,
        # Stripe fills the braces in; they must not be escaped.
        "success_url": urljoin(settings.SITE_URL, back)
        + "?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": urljoin(settings.SITE_URL, review)
        + f"?org={organisation.slug}&interval={intent.price.interval}"
        f"&seats={intent.seats}",
    }
    return run_once(
        "checkout_session",
        str(intent.uuid),
        params,
        lambda key: adapter.create_checkout_session(**params, idempotency_key=key),
    )


@transaction.atomic
def _record_session(intent: CheckoutIntent, session: CheckoutSession) -> CheckoutIntent:
    noted = CheckoutIntent.objects.filter(pk=intent.pk, stripe_session_id=None).update(
        stripe_session_id=session.id,
        session_url=session.url,
        expires_at=session.expires_at,
    )
    if noted:
        publish(
            CheckoutStarted(
                organisation_id=intent.organisation_id,
                user_id=intent.user_id or 0,
                plan=intent.price.plan_version.plan.key,
                intent_id=intent.pk,
            )
        )
    intent.refresh_from_db()
    return intent


def _intent_of(session: CheckoutSession) -> CheckoutIntent:
    intents = CheckoutIntent.objects.select_related("organisation", "price")
    intent = intents.filter(stripe_session_id=session.id).first()
    if intent is None and len(session.client_reference_id) == 36:
        # We died between the call and the note of its answer.
        intent = intents.filter(uuid=session.client_reference_id).first()
        if intent is not None:
            _record_session(intent, session)
    if intent is None:
        raise UnknownCheckout
    return intent


def _move(intent: CheckoutIntent, state: str) -> None:
    moved = CheckoutIntent.objects.filter(pk=intent.pk).exclude(
        state=CheckoutIntent.State.COMPLETE
    )
    if state == CheckoutIntent.State.COMPLETE:
        moved.update(state=state, completed_at=timezone.now())
    else:
        moved.filter(state=CheckoutIntent.State.OPEN).update(state=state)


@transaction.atomic
def _settle(pk: int) -> int:
    found = Subscription.objects.values_list("organisation_id", flat=True).get(pk=pk)
    Organisation.objects.select_for_update().get(pk=found)
    # Read after the lock: it may have become another plan meanwhile.
    row = Subscription.objects.select_related(
        "price__plan_version__plan", "paid_price__plan_version__plan"
    ).get(pk=pk)
    before = row.granted_plan
    settle_grants_of(row, at=row.grace_until or timezone.now())
    return int(row.granted_plan != before)
