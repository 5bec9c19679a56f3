"""Keeping what is expected of the months ahead, once a month is over."""

from datetime import date

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.conversion.ranges import reporting_zone
from billing.forecast.maths.judging import SeriesForecast, judge
from billing.forecast.models import Forecast, Outlook, OutlookMonth
from billing.forecast.months import as_rows, closed_months, following


def reporting_today() -> date:
    """Return the day it is in the reporting time zone."""
    return timezone.now().astimezone(reporting_zone()).date()


def replace_forecast(today: date | None = None) -> Forecast:
    """Write what is expected after the last month that is over, in place of before.

    News of that month is taken in as long as it is the last one; then its forecast
    stays as it was, to be held against what came. The row is locked: of two at once
    the second writes the same again.
    """
    day = today or reporting_today()
    months = closed_months(day)
    found = judge(as_rows(months))
    return _replace(following(day.replace(day=1), -1), found)


@transaction.atomic
def _replace(through: date, found: list[SeriesForecast]) -> Forecast:
    forecast, _is_new = Forecast.objects.update_or_create(
        through=through,
        defaults={
            "currency": settings.REPORTING_CURRENCY,
            "computed_at": timezone.now(),
        },
    )
    forecast.outlooks.all().delete()
    outlooks = Outlook.objects.bulk_create(
        Outlook(
            forecast=forecast,
            series=each.name,
            method=each.method or "",
            reason=each.reason or "",
            tests=each.tests,
            **{f"error_{method}": error for method, error in each.errors.items()},
        )
        for each in found
    )
    OutlookMonth.objects.bulk_create(
        OutlookMonth(
            outlook=outlook,
            month=following(through, number),
            amount=band.amount,
            low_80=band.low_80,
            high_80=band.high_80,
            low_95=band.low_95,
            high_95=band.high_95,
        )
        for outlook, each in zip(outlooks, found, strict=True)
        for number, band in enumerate(each.months, start=1)
    )
    return forecast
