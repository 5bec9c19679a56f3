"""Telling those who look after an organisation's money what happened to it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Organisation, User
from billing.ledger.models import Invoice
from billing.plans.defaults import TRANSLATED
from billing.plans.grace import GRACE
from billing.plans.models import Plan, Price
from billing.plans.queries import plan_name
from billing.subscriptions.models import BillingAccount, StaffGrant, Subscription
from contracts.billing import (
    PaymentFailed,
    SubscriptionChanged,
    SubscriptionEnded,
    SubscriptionStarted,
)
from core.clock import day_for_all
from core.money import format_minor
from entitlements.queries import entitlements_for
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
    body: Promise | Callable[[], str]
    if subscription is None:
        body = _("Pay the open invoice or change the card on the billing page.")
    elif not subscription.is_live:
        body = _(
            "It is for a plan that has ended, and paying it does not bring that back. The"
            " open invoice is on the billing page."
        )
    elif not subscription.granted_plan:
        body = _(
            "Nothing was charged, and this plan is not in force. Pay the open invoice on"
            " the billing page and it is in force at once."
        )
    elif _waits_for(invoice, subscription):
        body = _(
            "The change of plan was not paid, so the plan you had goes on. Pay the open"
            " invoice on the billing page within a day to have the new one."
        )
    else:
        body = partial(_grace_words, subscription)
    _notify(
        fact.organisation_id,
        dedupe_key=f"payment-failed-{fact.invoice_id}",
        title=_("A payment for %(organisation)s failed"),
        body=body,
    )


def _grace_words(subscription: Subscription) -> str:
    """Say until when the plan stays, and what keeps it."""
    # The failure may be told before the subscription is: its grace begins then.
    until = subscription.grace_until or timezone.now() + GRACE
    if subscription.paid_price_id != subscription.price_id:
        words = gettext(
            "The change of plan was not paid, so the plan you had goes on until %(date)s."
            " Pay the open invoice on the billing page to have the new one."
        )
    else:
        words = gettext(
            "The plan stays until %(date)s. Pay the open invoice or change the card on"
            " the billing page to keep it."
        )
    return words % {"date": day_for_all(until)}


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


def notify_given(grant: StaffGrant) -> None:
    """Say that a plan was given, why and until when."""

    def words() -> str:
        values = {"reason": grant.reason, "plan": _name_of(grant)}
        if grant.ends_at is None:
            return gettext("%(plan)s, without payment: “%(reason)s”.") % values
        return gettext("%(plan)s, without payment, until %(date)s: “%(reason)s”.") % {
            **values,
            "date": day_for_all(grant.ends_at),
        }

    _notify(
        grant.organisation_id,
        dedupe_key=f"plan-given-{grant.pk}",
        title=_("%(organisation)s was given a plan"),
        body=words,
    )


def notify_taken_back(grant: StaffGrant, *, reason: str) -> None:
    """Say that a given plan ends now, why, and what is in force instead."""
    _notify(
        grant.organisation_id,
        dedupe_key=f"plan-taken-back-{grant.pk}",
        title=_("The plan of %(organisation)s has ended"),
        body=lambda: (
            gettext("%(plan)s was given and is taken back: “%(reason)s”.")
            % {"plan": _name_of(grant), "reason": reason}
            + f" {_goes_on(grant.organisation_id)}"
        ),
    )


def _name_of(grant: StaffGrant) -> str:
    name = grant.plan_version.plan.name
    return str(TRANSLATED.get(name, name))


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
        if not _is_charged_by_itself(subscription, has_card=bool(last4)):
            return (
                gettext(
                    "On %(date)s the trial ends and an invoice over %(amount)s, plus tax"
                    " where it is due, is to be paid. Cancel on the billing page before"
                    " and none comes."
                )
                % values
            )
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
                " the plan ends with it. Add a card on the billing page to keep the plan"
                " for %(amount)s."
            )
            % values
        )

    _notify(
        subscription.organisation_id,
        dedupe_key=f"trial-ends-{subscription.pk}-{days}-{ends}",
        title=_("The trial of %(organisation)s ends soon"),
        body=words,
    )


def notify_card_ends(account: BillingAccount) -> None:
    """Say that the card on file ends with this month; once for each card."""
    values = {
        "digits": account.card_last4,
        "date": f"{account.card_exp_month:02}/{account.card_exp_year}",
    }
    _notify(
        account.organisation_id,
        dedupe_key=f"card-ends-{account.pk}-{values['digits']}-{values['date']}",
        title=_("The card of %(organisation)s expires this month"),
        body=lambda: (
            gettext(
                "The card ending in %(digits)s is valid to %(date)s. Put another one in"
                " its place on the billing page, so that the next payment does not fail."
            )
            % values
        ),
    )


def _is_charged_by_itself(subscription: Subscription, *, has_card: bool) -> bool:
    """Tell whether a trial's end needs nobody: a card pays, or it ends without one."""
    if subscription.collection_method == "send_invoice":
        return False
    settings = subscription.raw.get("trial_settings") or {}
    ending = settings.get("end_behavior") or {}
    # Stripe makes an invoice that nobody pays unless it was told to end the plan.
    return has_card or ending.get("missing_payment_method") == "cancel"


def notify_ended(fact: SubscriptionEnded) -> None:
    """Say that a plan is over, or waits while a payment is disputed."""
    row = Subscription.objects.filter(pk=fact.subscription_id).first()
    if row is not None and row.frozen_at and row.is_live:
        _notify(
            fact.organisation_id,
            dedupe_key=f"subscription-frozen-{fact.subscription_id}-{_turn(fact)}",
            title=_("The plan of %(organisation)s waits"),
            body=lambda: (
                gettext(
                    "Its payment was disputed at the bank; it waits for the outcome."
                )
                + f" {_goes_on(fact.organisation_id)}"
            ),
        )
        return
    _notify(
        fact.organisation_id,
        dedupe_key=f"subscription-ended-{fact.subscription_id}-{_turn(fact)}",
        title=_("The plan of %(organisation)s has ended"),
        body=partial(_goes_on, fact.organisation_id),
    )


def _goes_on(organisation_id: int) -> str:
    """Say what is in force without the plan: it need not be the free one."""
    return gettext(
        "The organisation goes on with the plan %(plan)s. Keys and data stay."
    ) % {"plan": plan_name(entitlements_for(organisation_id).plan)}


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
