"""What the demo's people buy, pay and use."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from django.db import transaction

from accounts.models import Organisation, User
from billing.ledger.records import InvoiceRecord, LineRecord, PaymentRecord
from billing.ledger.services import record_invoice
from billing.plans.models import Price
from billing.stripe import objects
from billing.subscriptions.mirror import apply_subscription
from billing.subscriptions.models import BillingAccount, CheckoutIntent
from contracts.billing import CheckoutStarted
from demo.clock import at
from inference.catalog.models import Model, PriceVersion
from inference.keys.models import ApiKey
from inference.keys.services import create_key
from inference.usage.recording import Usage, record
from inference.usage.services import announce_first_calls, report_hours
from outbox import publish

MONTH = timedelta(days=30)
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Purchase:
    """Somebody's subscription: from when, how many seats, until when."""

    user: User
    organisation: Organisation
    price: Price
    starts_at: datetime
    seats: int = 1
    ends_at: datetime | None = None


def start_checkout(purchase: Purchase) -> CheckoutIntent:
    """Send a buyer to the checkout, as the review page does."""
    moment = purchase.starts_at - timedelta(minutes=3)
    with at(moment), transaction.atomic():
        intent = CheckoutIntent.objects.create(
            organisation=purchase.organisation,
            user=purchase.user,
            price=purchase.price,
            seats=purchase.seats,
            state=CheckoutIntent.State.SUPERSEDED,
            stripe_session_id=f"cs_demo_{next(_numbers)}",
            created_at=moment,
        )
        publish(
            CheckoutStarted(
                organisation_id=purchase.organisation.pk,
                user_id=purchase.user.pk,
                plan=purchase.price.plan_version.plan.key,
                intent_id=intent.pk,
            )
        )
    return intent


def buy(purchase: Purchase, *, now: datetime) -> None:
    """Check out, pay and renew every month until now or until the end."""
    intent = start_checkout(purchase)
    CheckoutIntent.objects.filter(pk=intent.pk).update(
        state=CheckoutIntent.State.COMPLETE, completed_at=purchase.starts_at
    )
    number = next(_numbers)
    account, _ = BillingAccount.objects.get_or_create(
        pk=purchase.organisation.pk,
        defaults={"stripe_customer_id": f"cus_demo_{number}"},
    )
    period = purchase.starts_at
    end = min(now, purchase.ends_at or now)
    while period < end:
        _pay(purchase, period, f"sub_demo_{number}")
        last, period = period, period + MONTH
    ended = purchase.ends_at if purchase.ends_at and purchase.ends_at <= now else None
    moment = ended or last
    with at(moment), transaction.atomic():
        apply_subscription(
            objects.Subscription(
                id=f"sub_demo_{number}",
                status="canceled" if ended else "active",
                customer_id=account.stripe_customer_id or "",
                currency=purchase.price.currency,
                collection_method="charge_automatically",
                items=(
                    objects.SubscriptionItem(
                        id=f"si_demo_{number}",
                        price_id=purchase.price.stripe_price_id or "",
                        quantity=purchase.seats,
                        period_start=last,
                        period_end=last + MONTH,
                    ),
                ),
                started_at=purchase.starts_at,
                cancel_at_period_end=False,
                cancel_at=None,
                canceled_at=ended,
                ended_at=ended,
                trial_end=None,
                latest_invoice_id="",
                card=None,
            ),
            fetched_at=moment,
        )


def use(
    user: User,
    organisation: Organisation,
    *,
    first_at: datetime,
    until: datetime,
    sessions: int,
    rng: random.Random,
) -> None:
    """Make a key and call models in a few sittings."""
    with at(first_at - timedelta(minutes=2)):
        key, _secret = create_key(organisation, name="First key", by=user)
    prices = {
        price.model.slug: price
        for price in PriceVersion.objects.select_related("model").filter(valid_to=None)
    }
    is_paying = BillingAccount.objects.filter(pk=organisation.pk).exists()
    moment = first_at
    for number in range(sessions):
        model = (
            "doorstone-docs-pro"
            if is_paying and rng.random() < 0.6
            else "doorstone-docs"
        )
        calls = [
            _call(key, prices[model], moment + timedelta(seconds=7 * index), rng)
            for index in range(
                rng.randrange(20, 160) if is_paying else rng.randrange(3, 40)
            )
        ]
        record(calls)
        if number == 0:
            with at(calls[0].occurred_at):
                announce_first_calls()
        with at(moment + timedelta(minutes=5)):
            report_hours()
        moment += (until - first_at) / max(sessions, 1)
        if moment >= until:
            break


def _pay(purchase: Purchase, moment: datetime, subscription_id: str) -> None:
    number = next(_numbers)
    amount = purchase.price.unit_amount * purchase.seats
    with at(moment), transaction.atomic():
        record_invoice(
            InvoiceRecord(
                stripe_id=f"in_demo_{number}",
                number=f"DEMO-{number:05}",
                status="paid",
                currency=purchase.price.currency,
                subtotal=amount,
                total=amount,
                amount_due=amount,
                amount_paid=amount,
                issued_at=moment,
                paid_at=moment,
                subscription_stripe_id=subscription_id,
                period_start=moment,
                period_end=moment + MONTH,
                lines=(
                    LineRecord(
                        stripe_id=f"il_demo_{number}",
                        amount=amount,
                        description=str(purchase.price.plan_version.plan.key).title(),
                        quantity=purchase.seats,
                        stripe_price_id=purchase.price.stripe_price_id or "",
                    ),
                ),
                payments=(
                    PaymentRecord(
                        stripe_id=f"inpay_demo_{number}",
                        amount=amount,
                        status="paid",
                        paid_at=moment,
                    ),
                ),
            ),
            organisation_id=purchase.organisation.pk,
            user_id=purchase.user.pk,
            fetched_at=moment,
        )


def _call(
    key: ApiKey, price: PriceVersion, moment: datetime, rng: random.Random
) -> Usage:
    tokens_in, tokens_out = rng.randrange(200, 9_000), rng.randrange(100, 2_000)
    model: Model = price.model
    return Usage(
        request_id=f"req_demo{next(_numbers):026x}",
        occurred_at=moment.astimezone(UTC),
        organisation_id=key.organisation_id,
        key_id=key.pk,
        model=model.slug,
        edition=model.edition,
        price_version_id=price.pk,
        status="ok" if rng.random() < 0.985 else "client_abort",
        is_stream=rng.random() < 0.6,
        is_estimated=False,
        tokens_in=tokens_in,
        tokens_cached=0,
        tokens_out=tokens_out,
        price_nano=price.price_of(tokens_in, 0, tokens_out),
        cost_nano=price.cost_of(tokens_in, 0, tokens_out),
        first_byte_ms=rng.randrange(20, 90),
        total_ms=rng.randrange(90, 900),
    )
