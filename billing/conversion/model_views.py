"""π = α·(p − c)·N with every number movable."""

from decimal import Decimal
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.conversion import figures
from billing.conversion.forms import ProfitForm, ScenarioForm
from billing.conversion.models import Scenario
from billing.conversion.presentation import (
    ScenarioRow,
    break_even_rows,
    measured_of,
    measured_scenario,
    profit_rows,
    scenario_row,
)
from billing.conversion.ranges import DayRange
from billing.conversion.stats.profit import ProfitModel
from core.reading import Values
from edge import drafting
from edge.tables import csv_response


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
        "share_percent": values.share * 100,
        "scenario_form": ScenarioForm(initial=values.initial()),
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


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def scenarios(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Saved scenarios beside what was measured, as CSV, too; one is posted here."""
    form = ScenarioForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        Scenario.objects.create(owner=request.user, **form.cleaned_data)
        drafting.accept(request)
        messages.success(request, _("The scenario is saved."))
        return redirect("conversion:scenarios")
    days = DayRange.preset("90d")
    measured = figures.total(figures.cohorts_by_source(days.start, days.end))
    first = [measured_scenario(measured)] if measured.converters else []
    is_csv = Values(request.GET).choice("format", ("csv",)) == "csv"
    # More than fit beside one another are not compared; the file has all of them.
    kept = Scenario.objects.order_by("-pk")[: None if is_csv else 50]
    compared = [scenario_row(each) for each in (*first, *kept)]
    if is_csv:
        return _scenarios_csv(compared)
    context = {"form": form, "compared": compared}
    status = 422 if form.is_bound else 200
    return render(request, "conversion/scenarios.html", context, status=status)


@staff_required
@require_POST
def scenario_drop(request: AuthenticatedHttpRequest, scenario: int) -> HttpResponse:
    """Delete a scenario."""
    get_object_or_404(Scenario, pk=scenario).delete()
    messages.success(request, _("The scenario is deleted."))
    return redirect("conversion:scenarios")


def _scenarios_csv(compared: list[ScenarioRow]) -> HttpResponseBase:
    code = settings.REPORTING_CURRENCY
    columns = (
        *("name", "developers", "share_percent", f"price_{code}", f"cost_{code}"),
        *(f"fixed_cost_{code}", f"profit_{code}"),
    )
    rows = (
        (
            *(row.scenario.name, row.scenario.developers, row.scenario.share),
            *(row.scenario.price, row.scenario.cost, row.scenario.fixed_cost),
            Decimal(row.profit.numerator) / Decimal(row.profit.denominator),
            *(star.text for star in row.break_even),
        )
        for row in compared
    )
    stars = tuple(f"break_even_{star}" for star in ("share", "price", "cost"))
    return csv_response(
        "scenarios.csv", (*columns, *stars, "break_even_developers"), rows
    )
