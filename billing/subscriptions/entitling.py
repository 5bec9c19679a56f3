"""What an organisation may do, from everything that gives it a plan."""

from dataclasses import fields
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from billing.plans.models import PlanVersion
from billing.subscriptions.models import StaffGrant, Subscription
from entitlements import services as entitlements
from entitlements.features import FREE, Features

# From the first declined payment; after it the plan is gone until it is paid.
GRACE = timedelta(days=7)

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
    granting: list[tuple[PlanVersion, int, str]] = []
    subscriptions = (
        Subscription.objects.live()
        .with_plan()
        .filter(organisation_id=organisation_id)
        .select_related("price__plan_version__plan", "paid_price__plan_version__plan")
    )
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
    grants = (
        StaffGrant.objects.in_force()
        .filter(organisation_id=organisation_id)
        .select_related("plan_version__plan")
    )
    granting += [
        (grant.plan_version, grant.seats, f"grant {grant.pk}") for grant in grants
    ]

    granting.sort(key=lambda entry: entry[0].plan.tier_rank)
    features = FREE
    for version, seats, _source in granting:
        features = _best(features, version.features_for(seats))
    return features, ", ".join(source for _, _, source in granting) or "free"


@transaction.atomic
def refresh_entitlements(organisation_id: int) -> int:
    """Write what ``compute_entitlements`` finds and return the revision."""
    features, source = compute_entitlements(organisation_id)
    return entitlements.replace_for(organisation_id, features, source=source[:120])


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
