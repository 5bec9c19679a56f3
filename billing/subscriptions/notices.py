"""Telling those who look after an organisation's money what happened to it."""

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organisation, User
from billing.ledger.models import Invoice
from billing.subscriptions.models import Subscription
from contracts.billing import PaymentFailed, SubscriptionEnded, SubscriptionStarted
from notifications.fan_out import notify_all
from notifications.models import Kind

# Whose business an organisation's money is.
PURSE = (Membership.Role.OWNER, Membership.Role.BILLING)


def notify_payment_failed(fact: PaymentFailed) -> None:
    """Say that a payment was declined and what that means for this organisation."""
    invoice = Invoice.objects.filter(pk=fact.invoice_id).defer("raw").first()
    subscription = None
    if invoice is not None and invoice.subscription_stripe_id:
        rows = Subscription.objects.filter(stripe_id=invoice.subscription_stripe_id)
        subscription = rows.defer("raw").first()
    if subscription is None:
        body = _("Pay the open invoice or change the card on the billing page.")
    elif not subscription.granted_plan:
        body = _(
            "Nothing was charged and no plan is in force. Pay the open invoice on the"
            " billing page and the plan starts at once."
        )
    elif subscription.paid_price_id != subscription.price_id:
        body = _(
            "The change of plan was not paid, so the plan you had goes on for seven"
            " days. Pay the open invoice on the billing page to have the new one."
        )
    else:
        body = _(
            "The plan stays for seven days. Pay the open invoice or change the card"
            " on the billing page to keep it."
        )
    _notify(
        fact.organisation_id,
        dedupe_key=f"payment-failed-{fact.invoice_id}",
        title=_("A payment for %(organisation)s failed"),
        body=body,
    )


def notify_started(fact: SubscriptionStarted) -> None:
    """Say that a plan is in force."""
    _notify(
        fact.organisation_id,
        dedupe_key=f"subscription-started-{fact.subscription_id}-{_turn(fact)}",
        title=_("%(organisation)s has a new plan"),
        body=_("It is in force now. Invoices and receipts are on the billing page."),
    )


def notify_ended(fact: SubscriptionEnded) -> None:
    """Say that a plan is over, or waits while a payment is disputed."""
    row = Subscription.objects.filter(pk=fact.subscription_id).first()
    if row is not None and row.frozen_at and row.is_live:
        _notify(
            fact.organisation_id,
            dedupe_key=f"subscription-frozen-{fact.subscription_id}-{_turn(fact)}",
            title=_("The plan of %(organisation)s waits"),
            body=_(
                "Its payment was disputed at the bank. Until that is decided the"
                " organisation goes on with the free plan. Keys and data stay."
            ),
        )
        return
    _notify(
        fact.organisation_id,
        dedupe_key=f"subscription-ended-{fact.subscription_id}-{_turn(fact)}",
        title=_("The plan of %(organisation)s has ended"),
        body=_("The organisation goes on with the free plan. Keys and data stay."),
    )


def purses_of(user: User) -> QuerySet[Organisation]:
    """Return the organisations whose money ``user`` looks after."""
    return Organisation.objects.filter(
        memberships__user=user, memberships__role__in=PURSE
    )


def _turn(fact: SubscriptionStarted | SubscriptionEnded) -> int:
    """Tell the same event of one subscription apart when it happens again."""
    row = Subscription.objects.filter(pk=fact.subscription_id).first()
    return row.revision if row else 0


def _notify(
    organisation_id: int, *, dedupe_key: str, title: Promise, body: Promise
) -> None:
    organisation = Organisation.objects.filter(pk=organisation_id).first()
    if organisation is None:
        return
    url = reverse("subscriptions:billing", args=[organisation.slug])
    notify_all(
        User.objects.filter(
            memberships__organisation=organisation, memberships__role__in=PURSE
        ),
        Kind.BILLING,
        dedupe_key=dedupe_key,
        url=url,
        title=lambda: str(title) % {"organisation": organisation.name},
        body=lambda: str(body),
        about=("purse", organisation.pk),
    )
