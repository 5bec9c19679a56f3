"""The staff's conversion pages: every number opens to its rows."""

import csv
from collections.abc import Iterable

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from billing.conversion import figures
from billing.conversion.definitions import DEFINITIONS
from billing.conversion.forms import ProfitForm
from billing.conversion.funnel import STEPS, ordered_funnel
from billing.conversion.models import Developer, DeveloperQuerySet
from billing.conversion.presentation import Comparison, profit_rows
from billing.conversion.ranges import PRESETS, WINDOWS, DayRange, read_window
from billing.conversion.stats import ProfitModel
from billing.conversion.trend import daily_trend
from core.pagination import BadCursor, paginate

PEOPLE = {
    "activated_at": _("Activated developers"),
    "converters": _("Converted developers"),
    **dict(STEPS),
}


@require_safe
@staff_required
def home(request: HttpRequest) -> HttpResponse:
    """N, α, p, c, π, the funnel and the sources of one range."""
    days, problems = DayRange.from_query(request.GET)
    window = read_window(request.GET)
    source = request.GET.get("source", "")
    as_of = timezone.now()

    cohorts = figures.cohorts_by_source(
        days.start, days.end, window=window, as_of=as_of
    )
    before = figures.cohorts_by_source(
        days.previous().start, days.previous().end, window=window, as_of=as_of
    )
    sources = [cohort.source for cohort in cohorts]
    if source:
        cohorts = [cohort for cohort in cohorts if cohort.source == source]
        before = [cohort for cohort in before if cohort.source == source]

    now, then = figures.total(cohorts), figures.total(before)
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
            "source": source,
            "sources": sources,
            "as_of": as_of,
            "total": now,
            "comparison": Comparison(now, then),
            "cohorts": cohorts,
            "funnel": ordered_funnel(
                days.start, days.end, window=window, source=source
            ),
            "trend": daily_trend(days, source=source),
            "definitions": DEFINITIONS,
            "currency": settings.REPORTING_CURRENCY,
            "query": request.GET.urlencode(),
        },
    )


@require_safe
@staff_required
def people(request: HttpRequest) -> HttpResponseBase:
    """The rows behind a number of the home page, also as CSV."""
    days, problems = DayRange.from_query(request.GET)
    window = read_window(request.GET)
    step = request.GET.get("step", "activated_at")
    if step not in PEOPLE:
        step = "activated_at"
    developers = _people(request, days, step)
    if request.GET.get("format") == "csv":
        return _csv(developers)

    try:
        page = paginate(
            developers.select_related("user"),
            order_by=("-signed_up_at", "-pk"),
            cursor=request.GET.get("cursor"),
        )
    except BadCursor as error:
        return render(request, "400.html", {"reason": error}, status=400)
    query = request.GET.copy()
    query.pop("cursor", None)
    return render(
        request,
        "conversion/people.html",
        {
            "page": page,
            "step": step,
            "title": PEOPLE[step],
            "days": days,
            "window_days": window.days,
            "problems": problems,
            "currency": settings.REPORTING_CURRENCY,
            "query": query.urlencode(),
        },
    )


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
    context = {
        "form": form,
        "values": values,
        "model": model,
        "break_even": model.break_even(values.fixed_cost),
        "rows": profit_rows(model),
        "currency": settings.REPORTING_CURRENCY,
    }
    return render(request, "conversion/profit_model.html", context)


@require_safe
@staff_required
def staff_home(request: HttpRequest) -> HttpResponse:
    """Send staff to the page they come for."""
    return redirect("conversion:home")


def _people(request: HttpRequest, days: DayRange, step: str) -> DeveloperQuerySet:
    developers = Developer.objects.counted()
    if step == "converters":
        developers = developers.between("activated_at", days.start, days.end)
        developers = developers.filter(paid_at__isnull=False)
    elif request.GET.get("basis") == "funnel":
        developers = developers.reached_in_order(
            step, days.start, days.end, window=read_window(request.GET)
        )
    else:
        developers = developers.between(step, days.start, days.end)
    if request.GET.get("source"):
        developers = developers.filter(source=request.GET["source"])
    return developers


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, value: str) -> str:
        return value


def _csv(developers: DeveloperQuerySet) -> StreamingHttpResponse:
    columns = ["username", "source", *(milestone for milestone, _label in STEPS)]
    writer = csv.writer(_Echo())
    rows = developers.order_by("-signed_up_at").values_list(
        "user__username", *columns[1:], "revenue", "cost_nano"
    )

    def lines() -> Iterable[str]:
        yield writer.writerow([*columns, "revenue_minor", "cost_nano"])
        for row in rows.iterator():
            yield writer.writerow(
                [
                    value.isoformat() if hasattr(value, "isoformat") else value
                    for value in row
                ]
            )

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="developers.csv"'
    return response
