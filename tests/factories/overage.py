"""Organisations whose usage beyond the plan is charged, as small as they can be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import Organisation
from billing.credits.models import ChargeCap, Coverage
from billing.credits.periods import align_period
from billing.credits.subscribers import cover_usage
from billing.overage.models import Statement, StatementLine
from billing.pricelists.models import PriceList
from core.money import NANO
from entitlements.features import Features
from entitlements.services import replace_for
from entitlements.terms import UsageTerms, add_months
from entitlements.usage_price import Mode, Tier, UsagePrice
from tests.factories.credits import usage_of

# A period that begins in the middle of a month and of an hour.
START = datetime(2026, 3, 17, 14, 23, 7, tzinfo=UTC)
# A dollar at a fifth more, four at the price, the rest at half of it.
TIERS = (Tier(NANO, 120), Tier(5 * NANO, 100), Tier(None, 50))
GRADUATED = UsagePrice(mode=Mode.GRADUATED, tiers=TIERS)
VOLUME = UsagePrice(mode=Mode.VOLUME, tiers=TIERS)
# Two dollars of usage for a dollar and a half.
PACKAGES = UsagePrice(
    mode=Mode.PACKAGE, package_nano=2 * NANO, package_price_nano=3 * NANO // 2
)


def charged(
    organisation: Organisation,
    *,
    allowance: int = 100,
    percent: int = 120,
    price: UsagePrice | None = None,
    cap: int = 10**12,
    start: datetime = START,
) -> Organisation:
    """Let an organisation be charged beyond an allowance, by months from ``start``."""
    price = price or UsagePrice.flat(percent)
    terms = UsageTerms(
        period_start=start,
        period_end=add_months(start, 1),
        overage_percent=price.percent,
        overage_tiers=price.stored_tiers,
    )
    features = Features(plan="pro", monthly_allowance_nano=allowance)
    replace_for(organisation.pk, features, source="test", terms=terms)
    if cap:
        ChargeCap.objects.update_or_create(
            pk=organisation.pk, defaults={"cap_nano": cap}
        )
    align_period(organisation.pk)
    return organisation


def use(
    organisation: Organisation,
    price_nano: int,
    *,
    at: datetime = START + timedelta(hours=1),
    model: str = "large",
) -> None:
    """Report usage of one window and have it covered; each time a new revision."""
    fact = usage_of(organisation, price_nano, at=at)
    number = int(fact.model.rsplit("-", 1)[1])
    values: dict[str, Any] = {"model": model, "revision": number}
    cover_usage(replace(fact, **values))


def price_list_of(organisation: Organisation) -> PriceList:
    """Write a price list that holds: ten per cent less on every model."""
    return PriceList.objects.create(
        organisation=organisation, discount_bps=1_000, reason="Large"
    )


def statement_of(organisation: Organisation, *, month: int = START.month) -> Statement:
    """Write the statement of a period that is long over: one line for two dollars."""
    begins = START.replace(month=month, minute=0, second=0)
    coverage = Coverage.objects.create(
        organisation=organisation,
        starts_at=begins,
        ends_at=add_months(begins, 1),
        month=begins.date().replace(day=1),
    )
    statement = Statement.objects.create(
        organisation=organisation,
        coverage=coverage,
        amount=200,
        carried_in_nano=0,
        carried_out_nano=0,
        counted_to=0,
    )
    StatementLine.objects.create(
        statement=statement,
        coverage=coverage,
        model="large",
        percent=100,
        usage_nano=2 * NANO,
        charge_nano=2 * NANO,
        amount=200,
    )
    return statement
