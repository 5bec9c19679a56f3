"""What staff read about revenue; each figure is defined where it is shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone

from billing.ledger.models import Invoice, Refund
from billing.subscriptions.models import Subscription
from billing.subscriptions.movements import (
    RevenueSteps,
    recurring_amount,
    recurring_subscriptions,
    revenue_steps,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One plan's live subscriptions; ``mrr`` in minor units a month."""

    plan: str
    name: str
    subscriptions: int
    seats: int
    mrr: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """Revenue as of a moment; money in minor units of ``currency``, without tax."""

    as_of: datetime
    currency: str
    plans: list[PlanRow]
    paid: int
    invoices: int
    refunded: int
    overdue: list[Subscription]
    moved: RevenueSteps

    @property
    def mrr(self) -> int:
        return sum(row.mrr for row in self.plans)

    @property
    def subscriptions(self) -> int:
        return sum(row.subscriptions for row in self.plans)

    @property
    def net(self) -> int:
        return self.paid - self.refunded


def revenue(*, days: int = 30) -> Revenue:
    """Return what comes in monthly now, what came in lately and who owes.

    Five queries. Only what is in the reporting currency is added up.
    """
    now = timezone.now()
    currency = settings.REPORTING_CURRENCY
    since = now - timedelta(days=days)
    paid = Invoice.objects.paid().filter(currency=currency, paid_at__gte=since)
    refunds = Refund.objects.filter(
        invoice__currency=currency, counted_at__isnull=False, refunded_at__gte=since
    )
    received = paid.aggregate(sum=Sum("revenue"), count=Count("pk"))
    return Revenue(
        as_of=now,
        currency=currency,
        plans=_by_plan(currency),
        paid=received["sum"] or 0,
        invoices=received["count"],
        refunded=refunds.aggregate(sum=Sum("revenue"))["sum"] or 0,
        moved=revenue_steps(since, now, currency=currency),
        overdue=list(
            Subscription.objects.live()
            .filter(
                status__in=[Subscription.Status.PAST_DUE, Subscription.Status.UNPAID]
            )
            .select_related("organisation", "price__plan_version__plan")
            .order_by("grace_until", "pk")[:50]
        ),
    )


def _by_plan(currency: str) -> list[PlanRow]:
    rows: dict[str, PlanRow] = {}
    granting = (
        recurring_subscriptions()
        .filter(currency=currency)
        .order_by("price__plan_version__plan__tier_rank", "pk")
    )
    for subscription in granting.iterator():
        price = subscription.entitled_price
        if price is None:
            continue
        plan = price.plan_version.plan
        known = rows.get(plan.key)
        amount = recurring_amount(subscription)
        rows[plan.key] = PlanRow(
            plan=plan.key,
            name=plan.name,
            subscriptions=(known.subscriptions if known else 0) + 1,
            seats=(known.seats if known else 0) + subscription.seats,
            mrr=(known.mrr if known else 0) + amount,
        )
    return list(rows.values())
