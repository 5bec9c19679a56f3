"""The rows behind the numbers of the conversion home, each list also as CSV."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from activity.queries import unlinked_visitors
from audit import services as audit
from billing.conversion import rows
from billing.conversion.behind import FUNNEL, Behind, read_behind
from billing.conversion.units import CountedUnit, Population
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response


@require_safe
@staff_required
def people(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The units behind a number of the home page, also as CSV."""
    behind = read_behind(request)
    if behind.unit == CountedUnit.ORGANISATION:
        return _organisations(request, behind)
    if _is_csv(request):
        return _people_csv(request, behind.people)
    page = paginate(
        behind.people.select_related("user"),
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
    behind = read_behind(request)
    found = unlinked_visitors(behind.days.start, behind.days.end, source=behind.source)
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
    behind = read_behind(request)
    found = rows.invoices_of(behind.people)
    if _is_csv(request):
        names = ["number", "organisation__slug", "paid_at", "currency", "revenue"]
        names += ["refunded", "counted"]
        ordered = found.order_by("-paid_at", "-pk").values_list(*names)
        columns = ["number", "organisation", "paid_at", "currency"]
        columns += ["revenue_minor", "refunded_minor"]
        columns.append(f"counted_minor_{settings.REPORTING_CURRENCY}")
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
    behind = read_behind(request)
    found = rows.usage_of(behind.people)
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


def _organisations(
    request: AuthenticatedHttpRequest, behind: Behind
) -> HttpResponseBase:
    """Organisations, each with whose way it is and who founded and paid."""
    if _is_csv(request):
        return _organisations_csv(request, behind.people)
    page = paginate(
        behind.people.select_related(
            "organisation", "developer__user", "founder__user", "payer__user"
        ),
        order_by=("-activated_at", "-pk"),
        cursor=cursor_of(request),
    )
    return render(
        request, "conversion/organisations.html", behind.context | {"page": page}
    )


def _organisations_csv(
    request: AuthenticatedHttpRequest, found: Population
) -> StreamingHttpResponse:
    steps = (*FUNNEL, "activated_at")
    names = ["organisation__slug", "source", "developer__user__username"]
    names += ["founder__user__username", "payer__user__username", *steps]
    ordered = found.order_by("-activated_at", "-pk")
    columns = ["organisation", "source", "way_of", "founder", "payer", *steps]
    columns += [f"revenue_minor_{settings.REPORTING_CURRENCY}", "cost_nano_usd"]
    return _csv(
        request,
        "organisations",
        columns,
        ordered.values_list(*names, "revenue", "cost_nano").iterator(),
    )


def _is_csv(request: HttpRequest) -> bool:
    return Values(request.GET).choice("format", ("csv",)) == "csv"


def _people_csv(
    request: AuthenticatedHttpRequest, developers: Population
) -> StreamingHttpResponse:
    names = (
        "user__username",
        "source",
        *FUNNEL,
        "activated_at",
        "revenue",
        "cost_nano",
    )
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
