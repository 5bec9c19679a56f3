"""Putting the money of a range down to what its payers met before they paid."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from billing.attribution.assets import Asset
from billing.attribution.maths.chains import WalkedWay, removal_effects
from billing.attribution.maths.splitting import split
from billing.attribution.maths.weighing import AttributionModel, weights_of
from billing.attribution.models import AssetKind, Touch, Way
from billing.attribution.services import COMPARED, unpaid_accounts
from billing.conversion.currency import dollar_rate
from billing.conversion.models import Account
from billing.conversion.ranges import DayRange
from billing.conversion.units import CountedUnit
from billing.ledger.models import Invoice
from core.money import minor_to_nano

Effects = Mapping[Hashable, float]
# Rarer assets of one kind are one state of the chain: an inverse of so many takes
# some milliseconds, and an asset that few met has no effect one could trust.
MOST_STATES = 400
# Effects move with the ways, which are derived once a night.
EFFECTS_KEPT = 3_600

INVOICES_SQL = """
SELECT paid.id, paid.organisation_id, CASE WHEN paid.currency = %(own)s THEN paid.net
       ELSE round(paid.net::numeric * rated.factor_nano / 1000000000) END
FROM (
  SELECT invoice.id, invoice.organisation_id, invoice.currency, invoice.revenue
    - coalesce((SELECT sum(refund.revenue) FROM ledger_refund refund
                WHERE refund.invoice_id = invoice.id
                  AND refund.counted_at IS NOT NULL), 0) AS net
  FROM ledger_invoice invoice
  WHERE invoice.paid_at >= %(start)s AND invoice.paid_at < %(end)s
    AND invoice.revenue > 0
) paid LEFT JOIN conversion_foreigninvoice rated ON rated.invoice_id = paid.id
ORDER BY paid.id
"""
COSTS_SQL = """
SELECT used.organisation_id, sum(used.cost_nano)
FROM ledger_usagecost used
JOIN conversion_account account ON account.organisation_id = used.organisation_id
WHERE used."window" >= %(start)s AND used."window" < %(end)s
  AND account.first_paid_at IS NOT NULL
GROUP BY used.organisation_id ORDER BY used.organisation_id
"""


class PaidInvoice(NamedTuple):
    """An invoice's worth now: paid less what went back, without tax.

    In minor units of the reporting currency; ``None`` while its rate is not known.
    """

    id: int
    organisation_id: int
    amount: int | None


@dataclass(frozen=True, slots=True)
class MetOnWay:
    """One asset of a way, and how long before the payment it was met."""

    asset: Asset
    age: timedelta
    at: datetime
    person_id: int


@dataclass(slots=True)
class Share:
    """What is put down to one asset, or to nothing.

    ``revenue`` is in minor units of the reporting currency, ``cost_nano`` in
    billionths of a US dollar.
    """

    revenue: int = 0
    cost_nano: int = 0
    organisations: set[int] = field(default_factory=set)

    def add(
        self, organisation_id: int, *, revenue: int = 0, cost_nano: int = 0
    ) -> None:
        self.revenue += revenue
        self.cost_nano += cost_nano
        self.organisations.add(organisation_id)

    @property
    def margin_nano(self) -> int | None:
        """Revenue less cost in the reporting currency; ``None`` without a rate."""
        rate = dollar_rate()
        if rate is None:
            return None
        revenue = minor_to_nano(self.revenue, settings.REPORTING_CURRENCY)
        return revenue - rate.convert(self.cost_nano)


@dataclass(frozen=True, slots=True)
class Money:
    """What came in and what serving its payers cost, in one range."""

    invoices: tuple[PaidInvoice, ...]
    costs: Mapping[int, int]

    @property
    def unrated(self) -> int:
        """How many invoices wait for a rate of their currency."""
        return sum(invoice.amount is None for invoice in self.invoices)

    def of(self, organisations: set[int]) -> Self:
        """Return the money of some organisations alone."""
        return replace(
            self,
            invoices=tuple(
                each for each in self.invoices if each.organisation_id in organisations
            ),
            costs={pk: sum_ for pk, sum_ in self.costs.items() if pk in organisations},
        )

    @property
    def organisations(self) -> set[int]:
        return {invoice.organisation_id for invoice in self.invoices} | set(self.costs)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The money of a range by asset; ``unattributed`` has no touch in the window."""

    shares: Mapping[Asset, Share]
    unattributed: Share
    total: Share

    @property
    def by_kind(self) -> dict[str, Share]:
        """Return one share for each kind, in the order of ``AssetKind``."""
        found = {kind: Share() for kind in AssetKind.values}
        for asset, share in self.shares.items():
            kind = found[asset.kind]
            kind.revenue += share.revenue
            kind.cost_nano += share.cost_nano
            kind.organisations |= share.organisations
        return found


def money_of(days: DayRange) -> Money:
    """Return the money of a range. Two queries.

    An invoice counts in the range it was paid in, at what is left of it today.
    """
    with connection.cursor() as cursor:
        cursor.execute(COSTS_SQL, {"start": days.start, "end": days.end})
        costs = {pk: int(cost_nano) for pk, cost_nano in cursor.fetchall()}
    return Money(_paid_between(days.start, days.end), costs)


def worth_of(invoice: Invoice) -> int | None:
    """Return what is left of a paid invoice; see ``PaidInvoice``."""
    if invoice.paid_at is None:
        return None
    moment = timedelta(microseconds=1)
    paid = _paid_between(invoice.paid_at, invoice.paid_at + moment)
    return next((each.amount for each in paid if each.id == invoice.pk), None)


def _paid_between(start: datetime, end: datetime) -> tuple[PaidInvoice, ...]:
    values: dict[str, str | datetime] = {
        "own": settings.REPORTING_CURRENCY,
        "start": start,
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(INVOICES_SQL, values)
        return tuple(
            PaidInvoice(pk, organisation, None if amount is None else int(amount))
            for pk, organisation, amount in cursor.fetchall()
        )


def ways_of(
    organisations: Sequence[int] | set[int],
    *,
    lookback: timedelta,
    unit: CountedUnit,
) -> dict[int, list[MetOnWay]]:
    """Return the touches of each paying organisation's way, the oldest first.

    By organisation they are those of the whole buying group, an asset once a day; by
    person those of the one the organisation is put down to. One query, or two.
    """
    touches = Touch.objects.filter(way__is_paid=True, way__in=organisations)
    return _walked(touches, lookback=lookback, unit=unit)


def _walked(
    touches: QuerySet[Touch], *, lookback: timedelta, unit: CountedUnit
) -> dict[int, list[MetOnWay]]:
    rows = (
        touches.filter(at__gt=F("way__ended_at") - lookback)
        .order_by("way_id", "at", "pk")
        .values_list("way_id", "person_id", "kind", "key", "at", "on", "way__ended_at")
    )
    holders: dict[int, int | None] = {}
    if unit == CountedUnit.PERSON:
        holders = dict(Account.objects.values_list("pk", "developer_id"))
    found: dict[int, list[MetOnWay]] = defaultdict(list)
    seen: set[tuple[int, Asset, object]] = set()
    for pk, person_id, kind, key, at, on, ended_at in rows.iterator():
        asset = Asset(kind, key)
        if unit == CountedUnit.PERSON and holders.get(pk) != person_id:
            continue
        if (pk, asset, on) in seen:
            continue
        seen.add((pk, asset, on))
        found[pk].append(MetOnWay(asset, ended_at - at, at, person_id))
    return found


def attribute(
    money: Money,
    ways: Mapping[int, Sequence[MetOnWay]],
    model: AttributionModel,
    effects: Effects,
) -> Attribution:
    """Put each invoice and each cost down to the assets of its organisation's way.

    The parts of an invoice add up to it, to the minor unit, and those of a cost to it,
    to the billionth. What a model gives nothing is not listed.
    """
    shares: dict[Asset, Share] = defaultdict(Share)
    unattributed, total = Share(), Share()
    weights = {
        pk: weigh(ways[pk], model, effects)
        for pk in money.organisations
        if ways.get(pk)
    }
    for pk, revenue, cost_nano in _amounts(money):
        total.add(pk, revenue=revenue, cost_nano=cost_nano)
        if pk not in weights:
            unattributed.add(pk, revenue=revenue, cost_nano=cost_nano)
            continue
        revenues = split(revenue, weights[pk])
        costs = split(cost_nano, weights[pk])
        for met, weight, part, cost in zip(
            ways[pk], weights[pk], revenues, costs, strict=True
        ):
            if weight:
                shares[met.asset].add(pk, revenue=part, cost_nano=cost)
    return Attribution(shares, unattributed, total)


def parts_of(
    asset: Asset,
    money: Money,
    ways: Mapping[int, Sequence[MetOnWay]],
    model: AttributionModel,
    effects: Effects,
) -> list[tuple[int, int, int]]:
    """Return the invoices an asset has a part of: number, worth, part; most first."""
    found = []
    for invoice in money.invoices:
        way = ways.get(invoice.organisation_id)
        if not way or invoice.amount is None:
            continue
        weights = weigh(way, model, effects)
        parts = split(invoice.amount, weights)
        mine = [place for place, met in enumerate(way) if met.asset == asset]
        if any(weights[place] for place in mine):
            part = sum(parts[place] for place in mine)
            found.append((invoice.id, invoice.amount, part))
    return sorted(found, key=lambda one: (-one[2], one[0]))


def weigh(
    way: Sequence[MetOnWay], model: AttributionModel, effects: Effects
) -> list[int]:
    """Return the weight of each touch of a way; rare assets have their bundle's."""
    assets = [met.asset for met in way]
    known = {
        asset: effects.get(asset, effects.get(_bundle(asset), 0.0)) for asset in assets
    }
    return weights_of(model, assets, [met.age for met in way], known)


def _amounts(money: Money) -> Iterator[tuple[int, int, int]]:
    for invoice in money.invoices:
        if invoice.amount is not None:
            yield invoice.organisation_id, invoice.amount, 0
    for pk, cost_nano in money.costs.items():
        yield pk, 0, cost_nano


def effects_of(*, lookback: timedelta, unit: CountedUnit) -> Effects:
    """Return the removal effect of each asset over the ways of the last year.

    Those who did not pay are a sample, each of which stands for many. Kept for an hour
    while no way changes.
    """
    newest = Way.objects.aggregate(at=Max("derived_at"))["at"]
    if newest is None:
        return {}
    name = f"attribution:effects:{lookback.days}:{unit}:{newest.timestamp()}"
    kept: Effects | None = cache.get(name)
    if kept is not None:
        return kept
    effects = _effects(lookback=lookback, unit=unit)
    cache.set(name, effects, EFFECTS_KEPT)
    return effects


def _effects(*, lookback: timedelta, unit: CountedUnit) -> Effects:
    recent = Way.objects.filter(ended_at__gt=timezone.now() - COMPARED)
    paid = dict(recent.values_list("pk", "is_paid"))
    sampled = sum(not is_paid for is_paid in paid.values())
    stands_for = unpaid_accounts().count() / sampled if sampled else 1.0
    touches = Touch.objects.filter(way__in=recent)
    walked = _walked(touches, lookback=lookback, unit=unit)
    times: dict[Asset, int] = defaultdict(int)
    for way in walked.values():
        for asset in {met.asset for met in way}:
            times[asset] += 1
    common = set(sorted(times, key=lambda one: (-times[one], one))[:MOST_STATES])
    return removal_effects(
        WalkedWay(
            assets=tuple(
                met.asset if met.asset in common else _bundle(met.asset) for met in way
            ),
            is_paid=paid[pk],
            count=1.0 if paid[pk] else stands_for,
        )
        for pk, way in walked.items()
    )


def _bundle(asset: Asset) -> Asset:
    return Asset(asset.kind, "")
