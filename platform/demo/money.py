"""What the demo's people buy and pay, in the books."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organisation, User
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_refund
from billing.plans.models import Price
from billing.subscriptions.mirror import apply_invoice, apply_subscription
from billing.subscriptions.models import BillingAccount, CheckoutIntent
from contracts.billing import CheckoutStarted
from demo.clock import at
from demo.purchases import Purchase
from demo.till import Sold
from outbox import publish


def begin_checkout(
    organisation: Organisation, user: User, price: Price, *, moment: datetime
) -> CheckoutIntent:
    """Send a buyer to the checkout, as the review page does; they think it over."""
    with at(moment), transaction.atomic():
        intent = CheckoutIntent.objects.create(
            organisation=organisation,
            user=user,
            price=price,
            state=CheckoutIntent.State.EXPIRED,
            created_at=moment,
        )
        _tell_of(intent)
    return intent


def enter(
    sold: Sold, user: User, prices: Mapping[tuple[str, str], Price], *, now: datetime
) -> None:
    """Enter a sale: checkout, subscription, every invoice, and how it stands now."""
    purchase = sold.purchase
    organisation = Organisation.objects.get(public_id=purchase.organisation_id)
    BillingAccount.objects.create(
        organisation=organisation, stripe_customer_id=sold.customer_id or None
    )
    _complete_checkout(purchase, organisation, user, prices)

    begun = replace(
        sold.subscription,
        status="active",
        cancel_at_period_end=False,
        cancel_at=None,
        canceled_at=None,
        ended_at=None,
    )
    with at(purchase.starts_at):
        row = apply_subscription(begun, fetched_at=purchase.starts_at)
    for invoice in sold.invoices:
        moment = invoice.paid_at or invoice.issued_at + timedelta(hours=1)
        with at(moment):
            entered = apply_invoice(invoice, subscription=row, fetched_at=moment)
        if purchase.is_refunded:
            moment = moment + timedelta(days=3)
            with at(moment):
                record_refund(
                    RefundRecord(
                        stripe_id=f"re_{entered.stripe_id}",
                        amount=entered.amount_paid,
                        status="succeeded",
                        reason="requested_by_customer",
                        refunded_at=moment,
                    ),
                    invoice=entered,
                )
    _settle(sold, now=now)


def _settle(sold: Sold, *, now: datetime) -> None:
    """Bring the subscription to how it stands today, at the moment it came to that."""
    purchase = sold.purchase
    moment = purchase.ended_at or now
    if purchase.is_overdue:
        moment = sold.invoices[-1].issued_at + timedelta(hours=1)
    with at(moment):
        apply_subscription(sold.subscription, fetched_at=moment)


def _complete_checkout(
    purchase: Purchase,
    organisation: Organisation,
    user: User,
    prices: Mapping[tuple[str, str], Price],
) -> None:
    moment = purchase.starts_at - timedelta(minutes=3)
    with at(moment), transaction.atomic():
        intent = CheckoutIntent.objects.create(
            uuid=purchase.intent,
            organisation=organisation,
            user=user,
            price=prices[purchase.plan, purchase.interval],
            seats=purchase.seats,
            state=CheckoutIntent.State.COMPLETE,
            created_at=moment,
            completed_at=purchase.starts_at,
        )
        _tell_of(intent)


def _tell_of(intent: CheckoutIntent) -> None:
    publish(
        CheckoutStarted(
            organisation_id=intent.organisation_id,
            user_id=intent.user_id or 0,
            plan=intent.price.plan_version.plan.key,
            intent_id=intent.pk,
        )
    )
