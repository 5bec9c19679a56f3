"""What a subscription is for at a moment, and telling that it has become another."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from accounts.models import User
from audit import services as audit
from billing.stripe import objects
from billing.subscriptions.models import PlanChange, Subscription
from contracts.billing import SubscriptionChanged
from outbox import publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Plan, seats, billing period and price in force; ``amount`` in minor units.

    ``amount`` is one period without tax, None where usage decides.
    """

    plan: str
    version: int
    seats: int
    interval: str
    amount: int | None

    @classmethod
    def of(cls, subscription: Subscription) -> Self | None:
        """Return the terms that are in force; None where no plan is granted."""
        price = subscription.entitled_price
        if price is None or not subscription.granted_plan:
            return None
        amount = subscription.period_amount
        if price != subscription.price:
            amount = price.amount_for(subscription.entitled_seats)
        return cls(
            plan=price.plan_version.plan.key,
            version=price.plan_version.version,
            seats=subscription.entitled_seats,
            interval=price.interval,
            amount=amount,
        )


def publish_change(
    subscription: Subscription,
    before: Terms | None,
    *,
    at: datetime,
    by: User | None,
) -> None:
    """Publish and audit that the terms in force became others.

    The beginning and the end of a plan are facts of their own. The caller's
    transaction has written the row; ``by`` is who asked for it here, if anybody did.
    """
    after = Terms.of(subscription)
    if before is None or after is None or before == after:
        return
    by = by or _asker_of(subscription)
    publish(
        SubscriptionChanged(
            organisation_id=subscription.organisation_id,
            subscription_id=subscription.pk,
            plan_before=before.plan,
            plan_after=after.plan,
            seats_before=before.seats,
            seats_after=after.seats,
            interval_before=before.interval,
            interval_after=after.interval,
            amount_before=before.amount,
            amount_after=after.amount,
            currency=subscription.currency,
            user_id=by.pk if by else None,
            occurred_at=at.isoformat(),
        )
    )
    audit.record(
        "subscription.changed",
        actor=by,
        organisation=subscription.organisation,
        target=subscription.stripe_id,
        before=_audited(before),
        after=_audited(after),
    )


def changed_at(
    fetched: objects.Subscription,
    *,
    known: Subscription | None,
    period_start: datetime | None,
    fetched_at: datetime,
) -> datetime:
    """Return since when a subscription is as it was fetched, by Stripe's own dates.

    ``known`` is our row before it is written. What Stripe has no date for happened,
    as far as we know, when we looked.
    """
    if fetched.ended_at:
        return fetched.ended_at
    began = fetched.started_at
    if fetched.trial_end and fetched.trial_end <= fetched_at:
        began = fetched.trial_end
    if known is None:
        return began
    if known.status == Subscription.Status.TRIALING and fetched.status == "active":
        return began
    if period_start and known.period_start and period_start > known.period_start:
        return period_start
    # What was charged for before we looked last is no date of what is new: a discount
    # that comes or goes is charged for by no invoice.
    is_charged = known.raw.get("latest_invoice") != fetched.latest_invoice_id
    if is_charged and fetched.changed_at and fetched.changed_at >= began:
        return min(fetched.changed_at, fetched_at)
    return fetched_at


def _asker_of(subscription: Subscription) -> User | None:
    """Return who asked for what the subscription has become, on our own pages.

    News of Stripe's may be here before the answer that brought it about, and what was
    to come with a new period was asked for long before.
    """
    asked = PlanChange.objects.filter(
        subscription=subscription,
        price=subscription.price_id,
        seats=subscription.seats,
        claimed_at__isnull=False,
    ).exclude(state=PlanChange.State.IGNORED)
    change = asked.select_related("user").order_by("-pk").first()
    return change.user if change else None


def _audited(terms: Terms) -> dict[str, Any]:
    return {name: value for name, value in asdict(terms).items() if value is not None}
