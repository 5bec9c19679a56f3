"""Model costs are in US dollars; figures are in the reporting currency."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from django.conf import settings


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """What one US dollar is worth in the reporting currency, and of which day."""

    value: Decimal
    on: date | None

    def convert(self, cost_nano: int) -> int:
        """Return billionths of a US dollar in billionths of the reporting currency."""
        return int((cost_nano * self.value).to_integral_value(ROUND_HALF_EVEN))


def dollar_rate() -> ExchangeRate | None:
    """Return the rate costs are converted at; ``None`` when nobody has set one.

    Then revenue less cost has no number: the two have no unit in common.
    """
    if settings.REPORTING_CURRENCY == "usd":
        return ExchangeRate(Decimal(1), None)
    if settings.REPORTING_USD_RATE is None:
        return None
    value, on = settings.REPORTING_USD_RATE
    return ExchangeRate(value, on)
