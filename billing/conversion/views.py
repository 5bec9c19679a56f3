"""The staff's conversion pages: every number opens to its rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from activity.queries import unlinked_visitors
from audit import services as audit
from billing.conversion import figures, rows
from billing.conversion.bridge import bridge
from billing.conversion.currency import dollar_rate
from billing.conversion.definitions import DEFINITIONS
from billing.conversion.figures import Cohort
from billing.conversion.forms import ProfitForm
from billing.conversion.funnel import STEPS, ordered_funnel
from billing.conversion.models import DeveloperQuerySet
from billing.conversion.presentation import Comparison, profit_rows
from billing.conversion.ranges import (
    PRESETS,
    WINDOWS,
    DayRange,
    read_range,
    reporting_zone,
)
from billing.conversion.stats import ProfitModel
from billing.conversion.trend import daily_trend
from core.money import NANO
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response

PEOPLE = {
    "activated_at": _("Activated developers"),
    "converters": _("Converted developers"),
    "matured": _("Developers whose conversion window is over"),
    "matured_converters": _("Developers who paid within the conversion window"),
}
FUNNEL = dict(STEPS)


@require_safe
@staff_required
def home(request: HttpRequest) -> HttpResponse:
    """N, α, p, c, π, the funnel and the sources of one range."""
    days, window, problems = read_range(request.GET)
    source = _source_of(request)
    as_of = timezone.now()

    cohorts = figures.cohorts_by_source(
        days.start, days.end, window=window, as_of=as_of
    )
    before = figures.cohorts_by_source(
        days.previous().start,
        days.previous().end,
        window=window,
        as_of=as_of,
        paid_by=as_of - timedelta(days=days.days),
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
            "preset": _preset_of(request, days),
            "source": source,
            "sources": sources,
            "as_of": as_of,
            "zone": reporting_zone().key,
            "total": now,
            "comparison": Comparison(now, then),
            "cohorts": cohorts,
            "funnel": ordered_funnel(
                days.start, days.end, window=window, source=source
            ),
            "trend": daily_trend(days, source=source),
            "definitions": DEFINITIONS,
            "currency": settings.REPORTING_CURRENCY,
            "rate": dollar_rate(),
            "bridge": bridge(days.start, days.end),
            "query": request.GET.urlencode(),
            "plain_query": _without(request, "source"),
            "model_query": urlencode(_measured(now)) if now.converters else "",
        },
    )


@require_safe
@staff_required
def people(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The people behind a number of the home page, also as CSV."""
    behind = _behind(request)
    if _is_csv(request):
        return _people_csv(request, behind.developers)
    page = paginate(
        behind.developers.select_related("user"),
        order_by=("-signed_up_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = behind.context | {
        "page": page,
        "anonymous": behind.step == "first_visit_at" and behind.is_funnel,
    }
    return render(request, "conversion/people.html", context)


@require_safe
@staff_required
def visitors(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The browsers of the funnel's visits that nobody has signed in with."""
    behind = _behind(request)
    found = unlinked_visitors(
        behind.days.start, behind.days.end, source=_source_of(request)
    )
    if _is_csv(request):
        names = ["id", "first_seen_at", "source", "medium", "campaign", "referrer"]
        names.append("landing_path")
        ordered = found.order_by("-first_seen_at", "-pk").values_list(*names)
        return _csv(request, "visitors", names, ordered.iterator())
    page = paginate(
        found,
        order_by=("-first_seen_at", "-pk"),
        cursor=cursor_of(request),
    )
    return render(request, "conversion/visitors.html", behind.context | {"page": page})


@require_safe
@staff_required
def invoices(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The paid invoices that revenue and p are made of, also as CSV."""
    behind = _behind(request)
    found = rows.invoices_of(behind.developers)
    if _is_csv(request):
        names = ["number", "organisation__slug", "paid_at", "currency", "revenue"]
        names.append("refunded")
        ordered = found.order_by("-paid_at", "-pk").values_list(*names)
        columns = ["number", "organisation", "paid_at", "currency"]
        columns += ["revenue_minor", "refunded_minor"]
        return _csv(request, "invoices", columns, ordered.iterator())
    page = paginate(
        found.select_related("organisation").defer("raw"),
        order_by=("-paid_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = behind.context | {"page": page, "sums": rows.sums_of(found)}
    return render(request, "conversion/invoices.html", context)


@require_safe
@staff_required
def usage(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The metered usage that c is made of, also as CSV."""
    behind = _behind(request)
    found = rows.usage_of(behind.developers)
    if _is_csv(request):
        names = ["window", "organisation__slug", "model", "edition", "requests"]
        names += ["tokens_in", "tokens_out", "price_nano", "cost_nano"]
        ordered = found.order_by("-window", "-pk").values_list(*names)
        columns = ["window", "organisation", "model", "edition", "requests"]
        columns += ["tokens_in", "tokens_out", "price_nano_usd", "cost_nano_usd"]
        return _csv(request, "usage", columns, ordered.iterator())
    page = paginate(
        found.select_related("organisation"),
        order_by=("-window", "-pk"),
        cursor=cursor_of(request),
    )
    models = rows.costs_by_model(found)
    context = behind.context | {
        "page": page,
        "models": models,
        "requests": sum(model.requests for model in models),
        "price_nano": sum(model.price_nano for model in models),
        "cost_nano": sum(model.cost_nano for model in models),
    }
    return render(request, "conversion/usage.html", context)


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
    as_of = timezone.now()
    _days, window, _problems = read_range(request.GET)
    days = DayRange.preset("90d")
    measured = figures.total(
        figures.cohorts_by_source(days.start, days.end, window=window, as_of=as_of)
    )
    context = {
        "form": form,
        "values": values,
        "model": model,
        "break_even": model.break_even(values.fixed_cost),
        "rows": profit_rows(model),
        "currency": settings.REPORTING_CURRENCY,
        "measured": measured,
        "measured_query": urlencode(_measured(measured)) if measured.converters else "",
        "days": days,
    }
    return render(request, "conversion/profit_model.html", context)


@require_safe
@staff_required
def staff_home(request: HttpRequest) -> HttpResponse:
    """Send staff to the page they come for."""
    return redirect("conversion:home")


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What a page of rows is about, read from its address."""

    days: DayRange
    step: str
    is_funnel: bool
    developers: DeveloperQuerySet
    context: dict[str, Any]


def _behind(request: HttpRequest) -> Behind:
    days, window, problems = read_range(request.GET)
    asked = Values(request.GET)
    step = asked.choice("step", {**PEOPLE, **FUNNEL}, default="activated_at")
    is_funnel = asked.choice("basis", ("funnel",)) == "funnel" and step in FUNNEL
    source = _source_of(request)
    developers = rows.cohort(
        days,
        step,
        window=window,
        as_of=timezone.now(),
        source=source,
        is_funnel=is_funnel,
    )
    return Behind(
        days=days,
        step=step,
        is_funnel=is_funnel,
        developers=developers,
        context={
            "days": days,
            "problems": problems,
            "step": step,
            "title": PEOPLE.get(step) or FUNNEL[step],
            "is_funnel": is_funnel,
            "source": source,
            "window_days": window.days,
            "currency": settings.REPORTING_CURRENCY,
            "query": _without(request, "cursor"),
            "home_url": f"{reverse('conversion:home')}?{_home_query(request)}",
        },
    )


def _source_of(request: HttpRequest) -> str:
    # As long as the column of sources.
    return Values(request.GET).text("source", most=80)


def _is_csv(request: HttpRequest) -> bool:
    return Values(request.GET).choice("format", ("csv",)) == "csv"


def _without(request: HttpRequest, *names: str) -> str:
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()


def _home_query(request: HttpRequest) -> str:
    return _without(request, "cursor", "step", "basis", "format")


def _preset_of(request: HttpRequest, days: DayRange) -> str:
    """Return which preset the range is; none for days of one's own."""
    asked = Values(request.GET)
    if asked.has("from") or asked.has("to"):
        return ""
    return next(name for name, (length, _) in PRESETS.items() if length == days.days)


def _measured(cohort: Cohort) -> dict[str, str]:
    """Return the profit model's four numbers as they were measured.

    c is that of the formula: what converters' own usage cost.
    """
    return {
        "developers": str(cohort.developers),
        "share": f"{(cohort.share or 0) * 100:.4f}",
        "price": f"{(cohort.price_nano or 0) / NANO:.4f}",
        "cost": f"{(cohort.paid_cost_nano or 0) / NANO:.4f}",
    }


def _people_csv(
    request: AuthenticatedHttpRequest, developers: DeveloperQuerySet
) -> StreamingHttpResponse:
    names = ("user__username", "source", *FUNNEL, "revenue", "cost_nano")
    ordered = developers.order_by("-signed_up_at", "-pk").values_list(*names)
    revenue = f"revenue_minor_{settings.REPORTING_CURRENCY}"
    columns = ("username", *names[1:-2], revenue, "cost_nano_usd")
    return _csv(request, "developers", columns, ordered.iterator())


def _csv(
    request: AuthenticatedHttpRequest,
    name: str,
    columns: Sequence[str],
    found: Iterable[tuple[Any, ...]],
) -> StreamingHttpResponse:
    audit.record(f"{name}.exported", actor=request.user)
    return csv_response(f"{name}.csv", columns, found)
