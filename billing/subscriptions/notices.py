"""Telling those who look after an organisation's money what happened to it."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organisation, User
from billing.ledger.models import Invoice
from billing.plans.defaults import TRANSLATED
from billing.plans.models import Plan, Price
from billing.subscriptions.models import BillingAccount, Subscription
from contracts.billing import (
    PaymentFailed,
    SubscriptionChanged,
    SubscriptionEnded,
    SubscriptionStarted,
)
from core.clock import day_for_all
from core.money import format_minor
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
    elif _waits_for(invoice, subscription):
        body = _(
            "The change of plan was not paid, so the plan you had goes on. Pay the open"
            " invoice on the billing page within a day to have the new one."
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


def _waits_for(invoice: Invoice | None, subscription: Subscription) -> bool:
    """Tell whether an invoice is of a change that is made when it is paid."""
    is_of_change = invoice and invoice.billing_reason == "subscription_update"
    return bool(is_of_change) and subscription.status == Subscription.Status.ACTIVE


def notify_started(fact: SubscriptionStarted) -> None:
    """Say that a plan is in force."""
    _notify(
        fact.organisation_id,
        dedupe_key=f"subscription-started-{fact.subscription_id}-{_turn(fact)}",
        title=_("%(organisation)s has a new plan"),
        body=_("It is in force now. Invoices and receipts are on the billing page."),
    )


def notify_changed(fact: SubscriptionChanged) -> None:
    """Say what the plan was and what it is."""
    names = dict(Plan.objects.values_list("key", "name"))
    periods = dict(Price.Interval.choices)

    def words(when: str) -> str:
        plan, seats, interval, amount = (
            getattr(fact, f"{part}_{when}")
            for part in ("plan", "seats", "interval", "amount")
        )
        parts = [
            str(TRANSLATED.get(names.get(plan, plan), names.get(plan, plan))),
            ngettext("%(count)s seat", "%(count)s seats", seats) % {"count": seats},
            str(periods.get(interval, interval)),
        ]
        if amount is not None:
            parts.append(format_minor(amount, fact.currency))
        return " · ".join(parts)

    _notify(
        fact.organisation_id,
        dedupe_key=f"subscription-changed-{fact.subscription_id}-{fact.occurred_at}",
        title=_("The plan of %(organisation)s has changed"),
        body=lambda: (
            gettext("Before: %(before)s. Now: %(after)s, each time it renews.")
            % {"before": words("before"), "after": words("after")}
        ),
    )


def notify_trial_ends(
    subscription: Subscription, *, ends_at: datetime, days: int
) -> None:
    """Say when a trial ends, and what happens then with a card and without one."""
    account = BillingAccount.objects.filter(pk=subscription.organisation_id).first()
    last4 = account.card_last4 if account else ""
    ends = f"{ends_at:%Y%m%d%H%M}"

    def words() -> str:
        values = {
            "date": day_for_all(ends_at),
            "amount": format_minor(
                subscription.period_amount or 0, subscription.currency
            ),
            "digits": last4,
        }
        if last4:
            return (
                gettext(
                    "On %(date)s the trial ends and %(amount)s, plus tax where it is due,"
                    " is charged to the card ending in %(digits)s. Cancel on the billing"
                    " page before and nothing is charged."
                )
                % values
            )
        return (
            gettext(
                "On %(date)s the trial ends. No card is on file, so nothing is charged and"
                " the organisation goes on with the free plan. Add a card on the billing"
                " page to keep the plan for %(amount)s."
            )
            % values
        )

    _notify(
        subscription.organisation_id,
        dedupe_key=f"trial-ends-{subscription.pk}-{days}-{ends}",
        title=_("The trial of %(organisation)s ends soon"),
        body=words,
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
    organisation_id: int,
    *,
    dedupe_key: str,
    title: Promise,
    body: Promise | Callable[[], str],
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
        body=body if callable(body) else lambda: str(body),
        about=("purse", organisation.pk),
    )
