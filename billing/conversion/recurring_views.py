"""Recurring revenue: its movements, what is kept of it, and who is behind each."""

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from billing.conversion.behind import without
from billing.conversion.ranges import (
    PRESETS,
    preset_of,
    read_range,
    reporting_zone,
)
from billing.conversion.reasons import Missing
from billing.conversion.recurring import (
    MONTHS,
    gross_margin,
    recurring,
    revenue_cohorts,
    standings,
)
from billing.conversion.stats.recurring import Ratio, Recurring
from billing.subscriptions.models import MrrMovement
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response

# Which organisations a figure is about, by the name in the address.
STANDINGS = {
    "start": _("Paid at the start"),
    "lost": _("Pay nothing any more"),
    "end": _("Pay now"),
}


@require_safe
@staff_required
def revenue(request: HttpRequest) -> HttpResponse:
    """The five movements of a range, and the ratios made of them."""
    days, _window, problems = read_range(request.GET)
    found, margin = recurring(days), gross_margin(days)
    today = timezone.now().astimezone(reporting_zone()).date()
    value: Ratio = margin
    if not isinstance(margin, Missing):
        value = found.lifetime_value(margin=margin, days=days.days)
    context = {
        "days": days,
        "problems": problems,
        "presets": PRESETS,
        "preset": preset_of(request.GET, days),
        "found": found,
        "steps": _steps(found),
        "margin": margin,
        "lifetime_value": value,
        "cohorts": revenue_cohorts(today),
        "months": range(MONTHS),
        "currency": settings.REPORTING_CURRENCY,
        "query": without(request, "kind", "who", "cursor"),
    }
    return render(request, "conversion/revenue.html", context)


@require_safe
@staff_required
def movements(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The steps a movement is the sum of, newest first; also as CSV."""
    days, _window, problems = read_range(request.GET)
    asked = Values(request.GET)
    kind = asked.choice("kind", MrrMovement.Kind.values)
    found = MrrMovement.objects.filter(
        currency=settings.REPORTING_CURRENCY,
        occurred_at__gte=days.start,
        occurred_at__lt=days.end,
    )
    if kind:
        found = found.filter(kind=kind)
    if asked.choice("format", ("csv",)) == "csv":
        audit.record("movements.exported", actor=request.user)
        names = ("occurred_at", "organisation__slug", "kind", "currency", "before")
        columns = ("at", "organisation", "kind", "currency", "before_minor")
        rows = found.order_by("-occurred_at", "-pk").values_list(*names, "after")
        return csv_response("movements.csv", (*columns, "after_minor"), rows.iterator())
    page = paginate(
        found.select_related("organisation"),
        order_by=("-occurred_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = {
        "days": days,
        "problems": problems,
        "kind": kind,
        "kinds": MrrMovement.Kind.choices,
        "page": page,
        "lines": [(row, row.after - row.before) for row in page.items],
        "currency": settings.REPORTING_CURRENCY,
        "query": without(request, "cursor"),
        "back": without(request, "kind", "cursor", "format"),
    }
    return render(request, "conversion/movements.html", context)


@require_safe
@staff_required
def customers(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """What each paying organisation paid at the start and pays now; also as CSV."""
    days, _window, problems = read_range(request.GET)
    asked = Values(request.GET)
    who = asked.choice("who", STANDINGS, default="start")
    conditions = {"start": Q(was__gt=0), "end": Q(now__gt=0)}
    conditions["lost"] = conditions["start"] & Q(now__lte=0)
    found = standings(days.start, days.end).filter(conditions[who])
    rows = found.order_by("-was", "-now", "organisation")
    if asked.choice("format", ("csv",)) == "csv":
        audit.record("customers.exported", actor=request.user)
        code = settings.REPORTING_CURRENCY
        columns = ("organisation", f"was_minor_{code}", f"now_minor_{code}")
        values = rows.values_list("organisation__slug", "was", "now")
        return csv_response("customers.csv", columns, values.iterator())
    context: dict[str, Any] = {
        "days": days,
        "problems": problems,
        "who": who,
        "standings": STANDINGS,
        # The largest ones; the file has all of them.
        "rows": rows[:100],
        "currency": settings.REPORTING_CURRENCY,
        "query": without(request, "cursor"),
        "back": without(request, "who", "format"),
    }
    return render(request, "conversion/customers.html", context)


def _steps(found: Recurring) -> list[dict[str, Any]]:
    """Return the movements as rows: name, amount with its sign, and share of a bar."""
    named = (
        ("new", pgettext_lazy("revenue", "New"), found.new),
        ("reactivation", pgettext_lazy("revenue", "Come back"), found.reactivation),
        ("expansion", pgettext_lazy("revenue", "More than before"), found.expansion),
        (
            "contraction",
            pgettext_lazy("revenue", "Less than before"),
            -found.contraction,
        ),
        ("churn", pgettext_lazy("revenue", "Left"), -found.churn),
    )
    most = max((abs(amount) for _kind, _label, amount in named), default=0) or 1
    return [
        {
            "kind": kind,
            "label": label,
            "amount": amount,
            "size": abs(amount),
            "most": most,
        }
        for kind, label, amount in named
    ]
