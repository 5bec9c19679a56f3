"""Bringing our copies up to what Stripe has: fetch, then apply under a lock.

Fetching happens outside any transaction, applying in one. A copy fetched before
the stored one is ignored, so events may come twice, late and in any order.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts.models import Organisation
from billing.ledger import services as ledger
from billing.ledger.models import Invoice
from billing.ledger.records import (
    InvoiceRecord,
    LineRecord,
    PaymentRecord,
    RefundRecord,
)
from billing.plans.models import Price
from billing.stripe import adapter, objects
from billing.stripe.exceptions import NotOurs, StripeMissing
from billing.stripe.locks import database_now, lock_object
from billing.subscriptions.entitling import GRACE, is_granting, refresh_entitlements
from billing.subscriptions.models import (
    TERMINAL,
    BillingAccount,
    CheckoutIntent,
    Subscription,
    SubscriptionItem,
)
from contracts.billing import SubscriptionEnded, SubscriptionStarted
from outbox import publish


def sync_subscription(stripe_id: str) -> Subscription | None:
    """Fetch a subscription and apply it; one that is gone leaves a tombstone."""
    fetched_at = database_now()
    try:
        fetched = adapter.fetch_subscription(stripe_id)
    except StripeMissing:
        return _bury_subscription(stripe_id, fetched_at=fetched_at)
    return apply_subscription(fetched, fetched_at=fetched_at)


def sync_invoice(stripe_id: str) -> Invoice | None:
    """Fetch an invoice and record it, its subscription first.

    An invoice that is gone was a draft; nothing was ever owed on it.
    """
    fetched_at = database_now()
    try:
        fetched = adapter.fetch_invoice(stripe_id)
    except StripeMissing:
        Invoice.objects.filter(stripe_id=stripe_id, paid_at=None).update(
            status=Invoice.Status.VOID, fetched_at=fetched_at
        )
        return None
    subscription = _subscription_of(fetched)
    return apply_invoice(fetched, subscription=subscription, fetched_at=fetched_at)


def sync_customer(stripe_id: str) -> None:
    """Fetch a customer and keep what may be shown of the payment method."""
    account = BillingAccount.objects.filter(stripe_customer_id=stripe_id).first()
    if account is None:
        raise NotOurs("customer")
    fetched_at = database_now()
    try:
        customer = adapter.fetch_customer(stripe_id)
    except StripeMissing:
        return
    with transaction.atomic():
        lock_object(stripe_id)
        _keep_card(account.pk, customer.card, fetched_at=fetched_at)


def sync_refund(stripe_id: str) -> None:
    """Fetch a refund and record it on the invoice the money came from."""
    try:
        refund = adapter.fetch_refund(stripe_id)
    except StripeMissing:
        return
    _apply_refund(refund)


@transaction.atomic
def apply_subscription(
    fetched: objects.Subscription, *, fetched_at: datetime
) -> Subscription:
    """Write what was fetched, what it grants, and tell who wants to know.

    Locks the object, then the organisation's row. Raises ``NotOurs``.
    """
    lock_object(fetched.id)
    organisation = _organisation_of(fetched)
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    known = Subscription.objects.filter(stripe_id=fetched.id).first()
    if known is not None and known.fetched_at > fetched_at:
        return known

    price, item = _plan_item(fetched, known)
    intent = _intent_of(fetched)
    failed_at = None
    if fetched.status == Subscription.Status.PAST_DUE:
        failed_at = (known.first_failed_at if known else None) or fetched_at
    row = known or Subscription(stripe_id=fetched.id, organisation=organisation)
    row.user = row.user or (intent.user if intent else None)
    row.status = fetched.status
    row.price = price
    row.seats = item.quantity if item and _sells_seats(price) else 1
    row.currency = fetched.currency
    row.collection_method = fetched.collection_method
    row.started_at = fetched.started_at
    row.period_start = item.period_start if item else None
    row.period_end = item.period_end if item else None
    row.trial_end = fetched.trial_end
    row.cancel_at_period_end = fetched.cancel_at_period_end
    row.cancel_at = fetched.cancel_at
    row.canceled_at = fetched.canceled_at
    row.ended_at = fetched.ended_at
    row.first_failed_at = failed_at
    row.grace_until = failed_at + GRACE if failed_at else None
    row.is_duplicate = _is_duplicate(row)
    row.raw = fetched.raw
    row.fetched_at = fetched_at
    row.missing_at = None
    row.revision = known.revision + 1 if known else 1
    row.save()
    _replace_items(row, fetched)
    if fetched.card:
        _keep_card(organisation.pk, fetched.card, fetched_at=fetched_at)
    settle_grants_of(row)
    return row


@transaction.atomic
def apply_invoice(
    fetched: objects.Invoice,
    *,
    subscription: Subscription | None,
    fetched_at: datetime,
) -> Invoice:
    """Write an invoice to the ledger. Raises ``NotOurs``."""
    lock_object(fetched.id)
    if subscription is not None:
        organisation_id = subscription.organisation_id
    else:
        organisation_id = _account_of(fetched.customer_id).pk
    return ledger.record_invoice(
        _record(fetched),
        organisation_id=organisation_id,
        user_id=subscription.user_id if subscription else None,
        fetched_at=fetched_at,
    )


def settle_grants_of(row: Subscription) -> None:
    """Put what a subscription grants into effect; facts follow what changed.

    The caller holds the organisation's row.
    """
    before = row.granted_plan
    version = row.plan_version
    after = version.plan.key if version and is_granting(row) else ""
    if after != before:
        Subscription.objects.filter(pk=row.pk).update(granted_plan=after)
        row.granted_plan = after
    if after and not before:
        publish(
            SubscriptionStarted(
                organisation_id=row.organisation_id,
                subscription_id=row.pk,
                plan=after,
                user_id=row.user_id,
            )
        )
    elif before and not after:
        publish(
            SubscriptionEnded(
                organisation_id=row.organisation_id, subscription_id=row.pk, plan=before
            )
        )
    refresh_entitlements(row.organisation_id)


@transaction.atomic
def _bury_subscription(stripe_id: str, *, fetched_at: datetime) -> Subscription | None:
    lock_object(stripe_id)
    row = Subscription.objects.filter(stripe_id=stripe_id).first()
    if row is None:
        return None
    Organisation.objects.select_for_update().get(pk=row.organisation_id)
    row.refresh_from_db()
    if row.fetched_at > fetched_at:
        return row
    row.status = Subscription.Status.CANCELED
    row.missing_at = row.ended_at = row.fetched_at = fetched_at
    row.revision = row.revision + 1
    row.save()
    settle_grants_of(row)
    return row


def _organisation_of(fetched: objects.Subscription) -> Organisation:
    account = (
        BillingAccount.objects.select_related("organisation")
        .filter(stripe_customer_id=fetched.customer_id)
        .first()
    )
    if account is not None:
        return account.organisation
    public_id = fetched.metadata.get("organisation", "")
    organisation = Organisation.objects.filter(public_id=public_id).first()
    if organisation is None:
        raise NotOurs("subscription of an unknown customer")
    return organisation


def _account_of(customer_id: str) -> BillingAccount:
    account = BillingAccount.objects.filter(stripe_customer_id=customer_id).first()
    if account is None:
        raise NotOurs("invoice of an unknown customer")
    return account


def _subscription_of(fetched: objects.Invoice) -> Subscription | None:
    if not fetched.subscription_id:
        return None
    known = Subscription.objects.filter(stripe_id=fetched.subscription_id).first()
    return known or sync_subscription(fetched.subscription_id)


def _intent_of(fetched: objects.Subscription) -> CheckoutIntent | None:
    reference = fetched.metadata.get("intent", "")
    if len(reference) != 36:
        return None
    return CheckoutIntent.objects.select_related("user").filter(uuid=reference).first()


def _plan_item(
    fetched: objects.Subscription, known: Subscription | None
) -> tuple[Price | None, objects.SubscriptionItem | None]:
    """Return our price the subscription pays, the highest plan's if several."""
    prices = Price.objects.select_related("plan_version__plan").in_bulk(
        [item.price_id for item in fetched.items], field_name="stripe_price_id"
    )
    bearing = [item for item in fetched.items if item.price_id in prices]
    bearing.sort(key=lambda item: prices[item.price_id].plan_version.plan.tier_rank)
    if bearing:
        return prices[bearing[-1].price_id], bearing[-1]
    # What has ended keeps the plan it was for.
    ended = fetched.status in TERMINAL
    return (known.price if known and ended else None), (
        fetched.items[0] if fetched.items else None
    )


def _sells_seats(price: Price | None) -> bool:
    return price is not None and price.kind == Price.Kind.SEAT


def _is_duplicate(row: Subscription) -> bool:
    if not row.is_live or row.price is None:
        return False
    others = Subscription.objects.live().with_plan().filter(is_duplicate=False)
    return (
        others.filter(organisation_id=row.organisation_id)
        .exclude(stripe_id=row.stripe_id)
        .exists()
    )


def _replace_items(row: Subscription, fetched: objects.Subscription) -> None:
    prices = Price.objects.in_bulk(
        [item.price_id for item in fetched.items], field_name="stripe_price_id"
    )
    for item in fetched.items:
        SubscriptionItem.objects.update_or_create(
            stripe_id=item.id,
            defaults={
                "subscription": row,
                "stripe_price_id": item.price_id,
                "price": prices.get(item.price_id),
                "quantity": item.quantity,
                "period_start": item.period_start,
                "period_end": item.period_end,
            },
        )
    row.items.exclude(stripe_id__in=[item.id for item in fetched.items]).delete()


def _keep_card(
    organisation_id: int, card: objects.Card | None, *, fetched_at: datetime
) -> None:
    accounts = BillingAccount.objects.filter(pk=organisation_id)
    accounts.exclude(fetched_at__gt=fetched_at).update(
        card_brand=card.brand if card else F("card_brand"),
        card_last4=card.last4 if card else F("card_last4"),
        card_exp_month=card.exp_month if card else F("card_exp_month"),
        card_exp_year=card.exp_year if card else F("card_exp_year"),
        fetched_at=fetched_at,
    )


def _apply_refund(refund: objects.Refund) -> None:
    if not refund.invoice_id:
        raise NotOurs("refund of something else")
    # Nothing goes back of what we have not seen arrive: that news is still on its way.
    paid = Invoice.objects.filter(stripe_id=refund.invoice_id, paid_at__isnull=False)
    invoice = paid.first() or sync_invoice(refund.invoice_id)
    if invoice is None:
        raise NotOurs("refund of an unknown invoice")
    with transaction.atomic():
        lock_object(refund.id)
        ledger.record_refund(
            RefundRecord(
                stripe_id=refund.id,
                amount=refund.amount,
                status=refund.status,
                reason=refund.reason,
                refunded_at=refund.created_at,
            ),
            invoice=invoice,
        )


def _record(fetched: objects.Invoice) -> InvoiceRecord:
    return InvoiceRecord(
        stripe_id=fetched.id,
        subscription_stripe_id=fetched.subscription_id,
        number=fetched.number,
        status=fetched.status,
        billing_reason=fetched.billing_reason,
        currency=fetched.currency,
        subtotal=fetched.subtotal,
        discount=fetched.discount,
        tax=fetched.tax,
        total=fetched.total,
        amount_due=fetched.amount_due,
        amount_paid=fetched.amount_paid,
        attempt_count=fetched.attempt_count,
        issued_at=fetched.issued_at,
        due_at=fetched.due_at,
        paid_at=fetched.paid_at,
        next_attempt_at=fetched.next_attempt_at,
        period_start=fetched.period_start,
        period_end=fetched.period_end,
        hosted_url=fetched.hosted_url,
        pdf_url=fetched.pdf_url,
        lines=tuple(
            LineRecord(
                stripe_id=line.id,
                amount=line.amount,
                description=line.description,
                quantity=line.quantity,
                stripe_price_id=line.price_id,
                is_proration=line.is_proration,
                period_start=line.period_start,
                period_end=line.period_end,
            )
            for line in fetched.lines
        ),
        payments=tuple(
            PaymentRecord(
                stripe_id=payment.id,
                amount=payment.amount,
                status=payment.status,
                payment_intent_id=payment.payment_intent_id,
                paid_at=payment.paid_at,
            )
            for payment in fetched.payments
        ),
        raw=fetched.raw,
    )
