"""Time to convert, and α by month of sign-up."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from billing.conversion.ranges import PRESETS, WINDOWS, preset_of, read_range
from billing.conversion.reasons import Missing
from billing.conversion.timing import shares_at_ages, sign_up_cohorts, time_to_convert
from billing.conversion.units import CountedUnit, unit_of


@require_safe
@staff_required
def cohorts(request: HttpRequest) -> HttpResponse:
    """How long those who signed up in a range took to pay, and how many did."""
    days, window, problems = read_range(request.GET, default="365d")
    unit, as_of = unit_of(request), timezone.now()
    curve = time_to_convert(days.start, days.end, as_of=as_of, unit=unit)
    no_median = Missing.NOT_YET_HALF if curve.count else Missing.NOBODY
    return render(
        request,
        "conversion/cohorts.html",
        {
            "days": days,
            "problems": problems,
            "window_days": window.days,
            "windows": WINDOWS,
            "presets": PRESETS,
            "preset": preset_of(request.GET, days),
            "unit": unit,
            "units": CountedUnit,
            "curve": curve,
            "median": curve.median if curve.median is not None else no_median,
            "ages": shares_at_ages(curve),
            "months": sign_up_cohorts(
                days.start, days.end, window=window, as_of=as_of, unit=unit
            ),
        },
    )
