"""What an organisation may do, from everything that gives it a plan."""

from dataclasses import fields
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from billing.credits.periods import align_period
from billing.plans.models import PlanVersion
from billing.subscriptions.models import StaffGrant, Subscription
from entitlements import services as entitlements
from entitlements.features import FREE, Features
from entitlements.queries import terms_for
from entitlements.terms import NO_TERMS, UsageTerms

_GRANTING = {Subscription.Status.TRIALING, Subscription.Status.ACTIVE}


def is_granting(subscription: Subscription, *, at: datetime | None = None) -> bool:
    """Say whether the subscription's status gives its plan now.

    The default is no: a status we do not know, a payment that never came or is
    disputed, a pause and an unpaid bill give nothing.
    """
    if subscription.missing_at or subscription.frozen_at:
        return False
    if subscription.entitled_price is None or not subscription.entitled_seats:
        return False
    if subscription.status in _GRANTING:
        return True
    if subscription.status == Subscription.Status.PAST_DUE:
        now = at or timezone.now()
        return subscription.grace_until is None or now < subscription.grace_until
    return False


def compute_entitlements(organisation_id: int) -> tuple[Features, str]:
    """Return what the organisation may do now, and where that comes from.

    The best of: the free plan, what its subscriptions grant, what staff granted.
    """
    granting = _granting(organisation_id)
    features = FREE
    for version, seats, _source in granting:
        features = _best(features, version.features_for(seats))
    return features, ", ".join(source for _, _, source in granting) or "free"


def plan_after(subscription: Subscription) -> str:
    """Return the key of the plan that goes on once a subscription's period is over."""
    granting = _granting(subscription.organisation_id, without=subscription)
    return granting[-1][0].plan.key if granting else FREE.plan


def _granting(
    organisation_id: int, *, without: Subscription | None = None
) -> list[tuple[PlanVersion, int, str]]:
    """Return what gives a plan, its seats and its source, the best plan last.

    ``without`` one subscription: what there is beside it, and still after its period.
    """
    granting: list[tuple[PlanVersion, int, str]] = []
    subscriptions = (
        Subscription.objects.live()
        .with_plan()
        .filter(organisation_id=organisation_id)
        .select_related("price__plan_version__plan", "paid_price__plan_version__plan")
    )
    grants = StaffGrant.objects.in_force().filter(organisation_id=organisation_id)
    if without is not None:
        subscriptions = subscriptions.exclude(pk=without.pk)
        if without.period_end is not None:
            grants = grants.filter(Q(ends_at=None) | Q(ends_at__gt=without.period_end))
    for subscription in subscriptions:
        price = subscription.entitled_price
        if price and is_granting(subscription):
            granting.append(
                (
                    price.plan_version,
                    subscription.entitled_seats,
                    subscription.stripe_id,
                )
            )
    granting += [
        (grant.plan_version, grant.seats, f"grant {grant.pk}")
        for grant in grants.select_related("plan_version__plan")
    ]
    return sorted(granting, key=lambda entry: entry[0].plan.tier_rank)


def compute_terms(organisation_id: int) -> UsageTerms:
    """Return whose months usage is counted by, and what it costs beyond the plan.

    The best plan's subscription says so. Only what is paid for may be charged more: in
    a trial, while a payment is overdue and after staff gave a plan, nothing is.
    """
    live = (
        Subscription.objects.live()
        .with_plan()
        .filter(organisation_id=organisation_id, period_end__gt=F("period_start"))
        .select_related("price__plan_version__plan", "paid_price__plan_version__plan")
        .defer("raw")
    )
    granting = [each for each in live if is_granting(each) and each.entitled_price]
    if not granting:
        return NO_TERMS
    best = max(granting, key=_rank)
    version = best.entitled_price.plan_version if best.entitled_price else None
    is_paid = best.status == Subscription.Status.ACTIVE
    return UsageTerms(
        period_start=best.period_start,
        period_end=best.period_end,
        overage_percent=version.overage_percent if version and is_paid else 0,
        overage_tiers=version.overage_tiers if version and is_paid else None,
    )


@transaction.atomic
def refresh_entitlements(organisation_id: int) -> int:
    """Write what the organisation may do now and return the revision.

    Usage is counted by the subscription's months from this hour on.
    """
    features, source = compute_entitlements(organisation_id)
    terms = compute_terms(organisation_id)
    before = terms_for(organisation_id)
    revision = entitlements.replace_for(
        organisation_id, features, source=source[:120], terms=terms
    )
    if terms != before:
        align_period(organisation_id)
    return revision


def _rank(subscription: Subscription) -> int:
    price = subscription.entitled_price
    return price.plan_version.plan.tier_rank if price else 0


def _best(lower: Features, higher: Features) -> Features:
    """Return the more generous of each; the plan's name is the higher one's."""
    merged = {}
    for field in fields(Features):
        low, high = getattr(lower, field.name), getattr(higher, field.name)
        if field.name == "plan":
            merged[field.name] = high
        else:
            merged[field.name] = max(low, high)
    return Features(**merged)
