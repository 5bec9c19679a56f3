"""Money in other currencies, at the dated rate of the day it was paid on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.conf import settings
from django.db.models import Q

from billing.conversion.models import Account, DailyRate, ForeignInvoice
from billing.conversion.ranges import reporting_zone
from core.money import NANO, minor_per_unit

# Banks publish no rates on holidays; the longest run of them is a week.
FIXINGS_PAUSE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Factor:
    """Billionths of a minor unit of the reporting currency for one of another's."""

    nano: int
    on: date

    def convert(self, amount: int) -> int:
        """Return minor units of the reporting currency, halves away from zero.

        PostgreSQL rounds numerics the same way, so a sum can be checked there.
        """
        exact = Decimal(amount) * self.nano / NANO
        return int(exact.to_integral_value(ROUND_HALF_UP))


def factor_on(currency: str, day: date) -> Factor | None:
    """Return the factor of the newest rate of ``day`` or of the week before it."""
    rate = (
        DailyRate.objects.filter(
            currency=currency, on__lte=day, on__gte=day - FIXINGS_PAUSE
        )
        .order_by("-on")
        .first()
    )
    return None if rate is None else _factor(rate)


def _factor(rate: DailyRate) -> Factor:
    ours = minor_per_unit(settings.REPORTING_CURRENCY)
    nano = Decimal(rate.nano) * ours / minor_per_unit(rate.currency)
    return Factor(int(nano.to_integral_value(ROUND_HALF_UP)), rate.on)


def paid_on(at: datetime) -> date:
    """Return the day a payment counts for, in the reporting time zone."""
    return at.astimezone(reporting_zone()).date()


def count_foreign(
    account: Account,
    amount: int,
    currency: str,
    *,
    invoice_id: int,
    paid_at: datetime | None,
) -> int:
    """Add ``amount`` to a foreign invoice; return what that adds in our currency.

    ``paid_at`` is given with the payment, whose day fixes the rate; what goes back,
    before or after it is heard of, goes at the same one. The account is locked.
    """
    row, _ = ForeignInvoice.objects.get_or_create(
        invoice_id=invoice_id, defaults={"account": account, "currency": currency}
    )
    row.amount += amount
    if paid_at is not None:
        row.paid_on = paid_on(paid_at)
    return settle(row)


def settle(row: ForeignInvoice) -> int:
    """Fix the rate of a row if there is one now; return what its worth changed by."""
    before = row.converted
    if row.factor_nano is None and row.paid_on is not None:
        fix(row, factor_on(row.currency, row.paid_on))
    if row.factor_nano is not None and row.rate_on is not None:
        row.converted = Factor(row.factor_nano, row.rate_on).convert(row.amount)
    row.save()
    return row.converted - before


def fix(row: ForeignInvoice, factor: Factor | None) -> None:
    """Set the rate of a row, or take it away."""
    row.factor_nano = None if factor is None else factor.nano
    row.rate_on = None if factor is None else factor.on
    row.converted = 0 if factor is None else factor.convert(row.amount)


def unsettled(rate: DailyRate) -> Iterable[ForeignInvoice]:
    """Return the rows a new or corrected rate changes."""
    reach = Q(paid_on__gte=rate.on, paid_on__lte=rate.on + FIXINGS_PAUSE)
    return (
        ForeignInvoice.objects.filter(currency=rate.currency)
        .filter(reach)
        .filter(Q(factor_nano=None) | Q(rate_on=rate.on))
        .select_related("account")
        .order_by("account_id", "pk")
    )
