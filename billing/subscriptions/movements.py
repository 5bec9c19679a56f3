"""How the monthly recurring revenue moves: each step of one organisation, dated.

The rows of an organisation and currency are a chain: each begins where the one before
ended, so that new + expansion + reactivation − contraction − churn is what the revenue
has changed by, and all of them together are the revenue of today.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, Sum

from billing.subscriptions.models import (
    MrrMovement,
    Subscription,
)
from billing.subscriptions.models.subscriptions import SubscriptionQuerySet

Kind = MrrMovement.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueSteps:
    """The monthly revenue from one moment to another, in minor units."""

    start: int
    new: int
    reactivation: int
    expansion: int
    contraction: int
    churn: int
    end: int


def recurring_subscriptions() -> SubscriptionQuerySet:
    """Return what counts as recurring: whatever grants a plan now."""
    return (
        Subscription.objects.live()
        .exclude(granted_plan="")
        .select_related("price__plan_version__plan", "paid_price__plan_version__plan")
        .defer("raw")
    )


def recurring_amount(subscription: Subscription) -> int:
    """Return what a subscription brings in a month, in minor units.

    A trial has not paid yet: it counts as a subscription, not as revenue.
    """
    if subscription.status == Subscription.Status.TRIALING or (
        subscription.entitled_price is None
    ):
        return 0
    return subscription.monthly_amount


def record_movements(organisation_id: int, *, at: datetime) -> None:
    """Note by how much an organisation's revenue has moved since the last row.

    ``at`` is when it did, however late we heard. The caller holds the organisation's
    row. Two queries, and one for a row.
    """
    now: Counter[str] = Counter()
    began: dict[str, datetime] = {}
    for row in recurring_subscriptions().filter(organisation=organisation_id):
        now[row.currency] += recurring_amount(row)
        since = row.trial_end or row.started_at
        began[row.currency] = min(began.get(row.currency, since), since)
    last = last_movements(organisation_id)
    for currency in sorted({*now, *last}):
        known = last.get(currency)
        before, after = known.after if known else 0, now[currency]
        if before == after:
            continue
        MrrMovement.objects.create(
            organisation_id=organisation_id,
            kind=_kind_of(before, after, is_known=known is not None),
            currency=currency,
            before=before,
            after=after,
            # A chain runs forward: news of the past comes after what is told already.
            # Its first step is when the plan began, whenever its row is written.
            occurred_at=max(at, known.occurred_at) if known else began[currency],
        )


def last_movements(organisation_id: int) -> dict[str, MrrMovement]:
    """Return the newest row of each currency. One query."""
    rows = MrrMovement.objects.filter(organisation=organisation_id)
    newest = rows.order_by("currency", "-pk").distinct("currency")
    return {row.currency: row for row in newest}


def revenue_steps(start: datetime, end: datetime, *, currency: str) -> RevenueSteps:
    """Return how the revenue moved in ``[start, end)``. One query."""
    change = F("after") - F("before")
    moved = Q(occurred_at__gte=start, occurred_at__lt=end)
    sums = MrrMovement.objects.filter(currency=currency, occurred_at__lt=end).aggregate(
        start=Sum(change, filter=Q(occurred_at__lt=start), default=0),
        end=Sum(change, default=0),
        **{
            kind.value: Sum(change, filter=moved & Q(kind=kind), default=0)
            for kind in Kind
        },
    )
    return RevenueSteps(**sums)


def _kind_of(before: int, after: int, *, is_known: bool) -> Kind:
    if before == 0:
        return Kind.REACTIVATION if is_known else Kind.NEW
    if after == 0:
        return Kind.CHURN
    return Kind.EXPANSION if after > before else Kind.CONTRACTION
