"""π = α·(p − c)·N with every number movable."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from billing.conversion import figures
from billing.conversion.forms import ProfitForm
from billing.conversion.presentation import (
    break_even_rows,
    measured_of,
    profit_rows,
)
from billing.conversion.ranges import DayRange
from billing.conversion.stats.profit import ProfitModel


@require_safe
@staff_required
def profit_model(request: HttpRequest) -> HttpResponse:
    """π = α·(p − c)·N with every number movable."""
    form = ProfitForm(request.GET or None)
    values = form.values()
    model = ProfitModel(
        developers=values.developers,
        share=values.share,
        price=values.price,
        cost=values.cost,
    )
    days = DayRange.preset("90d")
    measured = figures.total(figures.cohorts_by_source(days.start, days.end))
    context = {
        "form": form,
        "values": values,
        "model": model,
        "break_even": break_even_rows(model.break_even(values.fixed_cost)),
        "rows": profit_rows(model),
        "currency": settings.REPORTING_CURRENCY,
        "measured": measured,
        "measured_query": urlencode(measured_of(measured))
        if measured.converters
        else "",
        "days": days,
    }
    return render(request, "conversion/profit_model.html", context)
