"""The staff's conversion home: every number opens to its rows."""

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from billing.conversion import figures
from billing.conversion.ages import cohort_as_of
from billing.conversion.behind import without
from billing.conversion.bridge import bridge
from billing.conversion.currency import dollar_rate
from billing.conversion.figures import MaturedRange
from billing.conversion.funnel import ordered_funnel
from billing.conversion.presentation import Comparison, measured_of
from billing.conversion.ranges import (
    PRESETS,
    WINDOWS,
    preset_of,
    read_range,
    read_source,
    reporting_zone,
)
from billing.conversion.spreads import profit_spread
from billing.conversion.trend import daily_trend
from billing.conversion.units import CountedUnit, population, unit_of


@require_safe
@staff_required
def home(request: HttpRequest) -> HttpResponse:
    """N, α, p, c, π, the funnel, the sources and the bridge of one range and unit."""
    days, window, problems = read_range(request.GET)
    unit, source = unit_of(request), read_source(request.GET)
    as_of = timezone.now()
    matured = MaturedRange.of(days.start, days.end, window=window, as_of=as_of)

    cohorts = figures.with_matured(
        figures.cohorts_by_source(days.start, days.end, unit=unit),
        figures.matured_by_source(matured, window=window, unit=unit),
    )
    matured_then = figures.matured_by_source(
        matured.previous(), window=window, unit=unit
    )
    before = cohort_as_of(
        days.previous().start,
        days.previous().end,
        by=as_of - timedelta(days=days.days),
        unit=unit,
        source=source,
    )
    sources = [cohort.source for cohort in cohorts]
    people = population(unit).between("activated_at", days.start, days.end)
    if source is not None:
        cohorts = [cohort for cohort in cohorts if cohort.source == source]
        matured_then = {source: matured_then.get(source, (0, 0))}
        people = people.filter(source=source)

    now = figures.total(cohorts)
    then = (
        sum(count for count, _ in matured_then.values()),
        sum(converters for _, converters in matured_then.values()),
    )
    return render(
        request,
        "conversion/home.html",
        {
            "days": days,
            "previous_days": days.previous(),
            "problems": problems,
            "window_days": window.days,
            "windows": WINDOWS,
            "presets": PRESETS,
            "preset": preset_of(request.GET, days),
            "unit": unit,
            "units": CountedUnit,
            "source": source,
            "sources": sources,
            "as_of": as_of,
            "zone": reporting_zone().key,
            "total": now,
            "matured": matured,
            "spread": profit_spread(people, unit=unit),
            "comparison": Comparison(now, before, then),
            "cohorts": cohorts,
            "funnel": ordered_funnel(
                days.start, days.end, window=window, unit=unit, source=source
            ),
            "trend": daily_trend(days, unit=unit, source=source),
            "currency": settings.REPORTING_CURRENCY,
            "rate": dollar_rate(),
            "bridge": bridge(days.start, days.end, unit=unit),
            "query": request.GET.urlencode(),
            "plain_query": without(request, "source"),
            "model_query": urlencode(measured_of(now)) if now.converters else "",
        },
    )


@require_safe
@staff_required
def staff_home(request: HttpRequest) -> HttpResponse:
    """Send staff to the page they come for."""
    return redirect("conversion:home")
