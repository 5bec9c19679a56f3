"""Since when, until when and at what price a plan's allowance holds."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from entitlements.usage_price import UsagePrice

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AllowancePeriod:
    """``[starts_at, ends_at)`` in whole hours (UTC), as usage is added up in hours."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTerms:
    """What of a subscription decides about usage, beside its plan's features.

    ``period_start`` and ``period_end`` are the subscription's own, to the second; None
    where there is none. ``price`` is what usage beyond the allowance costs, kept as
    per cent of the price of the model or else as tiers.
    """

    period_start: datetime | None = None
    period_end: datetime | None = None
    overage_percent: int = 0
    overage_tiers: dict[str, Any] | None = None

    @property
    def price(self) -> UsagePrice:
        """What usage beyond the allowance costs."""
        return UsagePrice.from_stored(self.overage_percent, self.overage_tiers)

    def period_of(self, moment: datetime) -> AllowancePeriod:
        """Return the period whose allowance usage of ``moment`` is part of.

        A subscription's months are counted from its own, also those of a yearly one;
        without a subscription it is the calendar month (UTC). The hour in which a
        period begins belongs to it, so that what was just bought is there at once.
        """
        moment = moment.astimezone(UTC)
        if self.period_start is None or self.period_end is None:
            start = _floor(moment).replace(day=1, hour=0)
            return AllowancePeriod(start, add_months(start, 1))
        anchor = _floor(self.period_start)
        ends_at = _floor(self.period_end)
        # A month, or less: as Stripe says, whose months end where its clock says so.
        is_short = ends_at <= add_months(anchor, 1) + timedelta(days=3)
        if is_short and anchor <= moment < ends_at:
            return AllowancePeriod(anchor, ends_at)
        count = (moment.year - anchor.year) * 12 + moment.month - anchor.month
        if add_months(anchor, count) > moment:
            count -= 1
        return AllowancePeriod(add_months(anchor, count), add_months(anchor, count + 1))


NO_TERMS = UsageTerms()


def add_months(moment: datetime, count: int) -> datetime:
    """Return the same day and hour so many months later; a shorter month's last day."""
    years, month = divmod(moment.month - 1 + count, 12)
    year = moment.year + years
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
