"""What a quote costs, to the minor unit, by the provider's own rounding."""

import calendar
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from billing.plans.models import Price

# Hundredths of a percent in the whole.
WHOLE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Minor units without tax: of one invoice, and of the whole term."""

    currency: str
    listed: int
    discount: int
    invoices: int

    @property
    def each(self) -> int:
        """What one invoice asks for."""
        return self.listed - self.discount

    @property
    def term(self) -> int:
        """What all the invoices of the term ask for."""
        return self.each * self.invoices

    @property
    def given(self) -> int:
        """What the discount takes off the whole term."""
        return self.discount * self.invoices


def amounts_of(
    price: Price, *, seats: int, term_months: int, discount_bps: int
) -> Amounts:
    """Return what ``seats`` at ``price`` cost over a term.

    The discount is a share of the one line an invoice has, halves rounded up, which is
    how the provider takes a percentage off.
    """
    listed = price.amount_for(seats)
    share = Decimal(listed) * discount_bps / WHOLE
    months = 12 if price.interval == Price.Interval.YEAR else 1
    return Amounts(
        currency=price.currency,
        listed=listed,
        discount=int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP)),
        invoices=term_months // months,
    )


def months_after(start: datetime, months: int) -> datetime:
    """Return the same day ``months`` later; the last of a month that is shorter."""
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    last = calendar.monthrange(year, month)[1]
    return start.replace(year=year, month=month, day=min(start.day, last))
