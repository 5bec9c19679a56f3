"""Where the recurring revenue is going, and how far off such guesses were."""

from django.conf import settings
from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from billing.forecast.maths.judging import LEAST_MONTHS, LEAST_MOVED
from billing.forecast.months import closed_months
from billing.forecast.queries import (
    COLUMNS,
    forecast_rows,
    newest_outlooks,
    past_months,
)
from billing.forecast.services import reporting_today
from core.reading import Values
from edge.tables import csv_response

# A screen of them; the counts are of all that were read.
SHOWN = 12


@require_safe
@staff_required
def home(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """What is expected of the months ahead, by which method, and what came before."""
    months = closed_months(reporting_today())
    forecast, outlooks = newest_outlooks()
    if Values(request.GET).choice("format", ("csv",)) == "csv":
        audit.record("forecast.exported", actor=request.user)
        return csv_response("forecast.csv", COLUMNS, forecast_rows(months, outlooks))
    past = past_months(months)
    whole = outlooks[0] if outlooks else None
    context = {
        "forecast": forecast,
        "is_behind": bool(forecast and months and forecast.through < months[-1].first),
        "whole": whole,
        "outlooks": outlooks,
        # The series that go on reach equally far; their months are the columns.
        "ahead": next((list(one.months.all()) for one in outlooks if one.method), []),
        "months": months,
        "least_months": LEAST_MONTHS,
        "least_moved": LEAST_MOVED,
        "past": past[:SHOWN],
        "past_count": len(past),
        "past_inside": sum(each.is_inside for each in past),
        "currency": settings.REPORTING_CURRENCY,
    }
    return render(request, "forecast/home.html", context)
