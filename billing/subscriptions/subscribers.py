"""What subscriptions do when others report, and when Stripe's objects change."""

from django.utils import timezone

from billing.stripe.exceptions import NotOurs
from billing.stripe.registry import refreshes
from billing.subscriptions import mirror, notices, services
from billing.subscriptions.entitling import refresh_entitlements
from billing.subscriptions.exceptions import UnknownCheckout
from billing.subscriptions.jobs import CUSTOMER
from billing.subscriptions.models import BillingAccount
from contracts.accounts import OrganisationCreated, OrganisationEdited
from contracts.billing import (
    PaymentFailed,
    SubscriptionChanged,
    SubscriptionEnded,
    SubscriptionStarted,
)
from jobs.services import enqueue
from outbox import subscribe


@subscribe(OrganisationCreated)
def grant_free_plan(fact: OrganisationCreated) -> None:
    refresh_entitlements(fact.organisation_id)


@subscribe(OrganisationEdited)
def tell_provider(fact: OrganisationEdited) -> None:
    billed = BillingAccount.objects.filter(pk=fact.organisation_id)
    if billed.exclude(stripe_customer_id=None).exists():
        # Each change is told: what was told before may be under way still.
        enqueue(CUSTOMER, fact.organisation_id, parts=(timezone.now().isoformat(),))


@subscribe(PaymentFailed)
def tell_payment_failed(fact: PaymentFailed) -> None:
    notices.notify_payment_failed(fact)


@subscribe(SubscriptionStarted)
def tell_started(fact: SubscriptionStarted) -> None:
    notices.notify_started(fact)


@subscribe(SubscriptionChanged)
def tell_changed(fact: SubscriptionChanged) -> None:
    notices.notify_changed(fact)


@subscribe(SubscriptionEnded)
def tell_ended(fact: SubscriptionEnded) -> None:
    notices.notify_ended(fact)


@refreshes("subscription")
def refresh_subscription(stripe_id: str) -> None:
    mirror.sync_subscription(stripe_id)


@refreshes("invoice")
def refresh_invoice(stripe_id: str) -> None:
    mirror.sync_invoice(stripe_id)


@refreshes("customer")
def refresh_customer(stripe_id: str) -> None:
    mirror.sync_customer(stripe_id)


@refreshes("payment_method")
def refresh_payment_method(stripe_id: str) -> None:
    mirror.sync_payment_method(stripe_id)


@refreshes("refund")
def refresh_refund(stripe_id: str) -> None:
    mirror.sync_refund(stripe_id)


@refreshes("dispute")
def refresh_dispute(stripe_id: str) -> None:
    mirror.sync_dispute(stripe_id)


@refreshes("credit_note")
def refresh_credit_note(stripe_id: str) -> None:
    mirror.sync_credit_note(stripe_id)


@refreshes("checkout.session")
def refresh_checkout(stripe_id: str) -> None:
    try:
        services.fulfil_checkout(stripe_id)
    except UnknownCheckout as error:
        raise NotOurs("checkout of something else") from error
