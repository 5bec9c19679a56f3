"""Who has a plan, and what they used in the last month that is over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import accumulate, groupby
from operator import itemgetter

from django.conf import settings
from django.db.models import QuerySet, Sum

from billing.conversion.models import Account
from billing.credits.models import ChargeCap, CoveredUsage
from billing.ledger.models import UsageCost
from billing.plans.models import Plan
from billing.pricelab.replaying import MonthTerms, UsedRow
from billing.subscriptions.models import Subscription
from entitlements.features import FREE, Features
from entitlements.models import OrganisationEntitlement
from entitlements.usage_price import UsagePrice

# Those whose plan is paid for: a trial has no bill to compare with.
PAYING = (Subscription.Status.ACTIVE, Subscription.Status.PAST_DUE)


@dataclass(frozen=True, slots=True)
class PastMonth:
    """A calendar month by UTC, as the ledger counts."""

    first: date

    @classmethod
    def before(cls, moment: datetime) -> "PastMonth":
        """Return the last one that is over."""
        today = moment.astimezone(UTC).date()
        return cls(_month_after(today, -1))

    @property
    def start(self) -> datetime:
        return datetime(self.first.year, self.first.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        after = _month_after(self.first, 1)
        return datetime(after.year, after.month, 1, tzinfo=UTC)


def _month_after(day: date, by: int) -> date:
    count = day.year * 12 + day.month - 1 + by
    return date(count // 12, count % 12 + 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """An organisation that pays for the plan, and what it is held to today.

    ``discount`` is the share of the plan's price that it does not pay.
    """

    organisation_id: int
    seats: int
    interval: str
    discount: Fraction
    terms: MonthTerms
    own_cap_nano: int | None
    credit_nano: int


def subscribers_of(plan: Plan, month: PastMonth) -> tuple[list[Subscriber], int]:
    """Return who pays for a plan, and how many do in another currency. Four queries.

    Without those whom figures leave out. Of credit there is what they drew that month.
    """
    excluded = Account.objects.filter(excluded_at__isnull=False)
    rows = list(
        Subscription.objects.live()
        .with_plan()
        .filter(granted_plan=plan.key, status__in=PAYING, is_duplicate=False)
        .exclude(organisation__in=excluded.values("pk"))
        .select_related("price__plan_version__plan", "paid_price__plan_version__plan")
        .defer("raw")
        .order_by("organisation_id")
    )
    ours = [row for row in rows if row.currency == settings.REPORTING_CURRENCY]
    ids = [row.organisation_id for row in ours]
    rights = OrganisationEntitlement.objects.in_bulk(ids)
    caps = dict(ChargeCap.objects.filter(pk__in=ids).values_list("pk", "cap_nano"))
    drawn = _credit_drawn(ids, month)
    found = []
    for row in ours:
        right = rights.get(row.organisation_id)
        features = Features.from_dict(right.features) if right else FREE
        cap = caps.get(row.organisation_id)
        found.append(
            Subscriber(
                organisation_id=row.organisation_id,
                seats=row.entitled_seats,
                interval=row.interval,
                discount=_discount(row),
                terms=MonthTerms(
                    base=row.monthly_amount,
                    allowance_nano=features.monthly_allowance_nano,
                    price=UsagePrice.from_stored(
                        right.overage_percent, right.overage_tiers
                    )
                    if right
                    else UsagePrice(),
                    cap_nano=cap or 0,
                ),
                own_cap_nano=cap,
                credit_nano=drawn.get(row.organisation_id, 0),
            )
        )
    return found, len(rows) - len(ours)


def _credit_drawn(organisations: Sequence[int], month: PastMonth) -> dict[int, int]:
    """Return the most credit that each had in use in a month; corrections give back."""
    rows = (
        CoveredUsage.objects.filter(
            usage__organisation__in=organisations,
            usage__window__gte=month.start,
            usage__window__lt=month.end,
        )
        .exclude(from_credit_nano=0)
        .order_by("usage__organisation", "pk")
        .values_list("usage__organisation", "from_credit_nano")
    )
    return {
        pk: max(accumulate(nano for _pk, nano in own))
        for pk, own in groupby(rows.iterator(), key=itemgetter(0))
    }


def _discount(row: Subscription) -> Fraction:
    if not row.amount or row.entitled_price != row.price:
        return Fraction(0)
    return Fraction(row.discount, row.amount)


def usage_by_model(
    organisations: Sequence[int], month: PastMonth
) -> dict[int, list[UsedRow]]:
    """Return a month's usage of each organisation, one row a model. One query."""
    rows = (
        _usage_in(month, organisations)
        .values_list("organisation_id", "model")
        .annotate(price=Sum("price_nano"), cost=Sum("cost_nano"))
        .order_by("organisation_id", "model")
    )
    found: dict[int, list[UsedRow]] = {}
    for pk, model, price, cost in rows:
        found.setdefault(pk, []).append(UsedRow(model, int(price), int(cost)))
    return found


def usage_in_order(
    organisations: Sequence[int], month: PastMonth
) -> Iterator[tuple[int, list[UsedRow]]]:
    """Yield each organisation's usage row by row, as it was used. One query."""
    rows = (
        _usage_in(month, organisations)
        .order_by("organisation_id", "window", "pk")
        .values_list("organisation_id", "model", "price_nano", "cost_nano")
    )
    for pk, own in groupby(rows.iterator(), key=itemgetter(0)):
        yield pk, [UsedRow(model, price, cost) for _pk, model, price, cost in own]


def models_used(month: PastMonth, *, most: int) -> list[str]:
    """Return the models that were used for most money in a month. One query."""
    rows = UsageCost.objects.filter(window__gte=month.start, window__lt=month.end)
    ranked = rows.values_list("model").annotate(sum=Sum("price_nano"))
    return [model for model, _sum in ranked.order_by("-sum", "model")[:most]]


def _usage_in(month: PastMonth, organisations: Sequence[int]) -> QuerySet[UsageCost]:
    return UsageCost.objects.filter(
        organisation__in=organisations,
        window__gte=month.start,
        window__lt=month.end,
    )
