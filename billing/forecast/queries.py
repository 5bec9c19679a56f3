"""What the forecast's page and its file show: one set of numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings

from billing.forecast.models import Forecast, Outlook, OutlookMonth
from billing.forecast.months import RevenueMonth

# A year of forecasts, each of half a year.
LOOKED_BACK = 72
COLUMNS = (
    *("series", "month", "kind", "method", "amount_minor", "low_80_minor"),
    *("high_80_minor", "low_95_minor", "high_95_minor", "currency"),
)


@dataclass(frozen=True, slots=True)
class PastExpectation:
    """What an earlier forecast expected of a month that is over, and what came."""

    expected: OutlookMonth
    came: int

    @property
    def through(self) -> date:
        """The newest month that was known then."""
        return self.expected.outlook.forecast.through

    @property
    def is_inside(self) -> bool:
        """Whether it lies in the 95 % band."""
        return self.expected.low_95 <= self.came <= self.expected.high_95


def newest_outlooks() -> tuple[Forecast | None, list[Outlook]]:
    """Return the newest forecast with its series in their order. Three queries."""
    found = Forecast.objects.filter(currency=settings.REPORTING_CURRENCY)
    forecast = found.prefetch_related("outlooks__months").order_by("-through").first()
    if forecast is None:
        return None, []
    order = Outlook.Series.values
    outlooks = sorted(
        forecast.outlooks.all(), key=lambda each: order.index(each.series)
    )
    return forecast, outlooks


def past_months(months: Sequence[RevenueMonth]) -> list[PastExpectation]:
    """Return what was expected of months that are over, the newest first. One query."""
    came = {each.first: each.end for each in months}
    expected = OutlookMonth.objects.filter(
        outlook__series=Outlook.Series.END,
        outlook__forecast__currency=settings.REPORTING_CURRENCY,
        month__in=list(came),
    ).select_related("outlook__forecast")
    newest = expected.order_by("-month", "-outlook__forecast__through")[:LOOKED_BACK]
    return [PastExpectation(each, came[each.month]) for each in newest]


def forecast_rows(
    months: Sequence[RevenueMonth], outlooks: Sequence[Outlook]
) -> Iterator[tuple[Any, ...]]:
    """Yield what came and what is expected as ``COLUMNS``, series by series."""
    currency = settings.REPORTING_CURRENCY
    for series in Outlook.Series.values:
        for each in months:
            came = (series, each.first, "actual", "", each.of(series))
            yield (*came, None, None, None, None, currency)
    for outlook in outlooks:
        for row in outlook.months.all():
            yield (
                *(outlook.series, row.month, "forecast", outlook.method, row.amount),
                *(row.low_80, row.high_80, row.low_95, row.high_95, currency),
            )
