"""What an organisation used and what it is worth."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.decorators import organisation_required
from accounts.types import OrganisationHttpRequest
from audit import services as audit
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response
from entitlements.queries import entitlements_for, terms_for
from inference.usage import queries
from inference.usage.models import UsageEvent
from inference.usage.periods import DAYS, DEFAULT, Period, chart
from inference.usage.room import credit_now, spent_between
from inference.usage.steps import first_steps

# Calls on one page; who looks for one narrows the list instead.
PAGE_SIZE = 30
# Rows held at a time while a file is written: about a megabyte.
CHUNK = 2_000
# Seconds a page waits for the first call: who tries it out does so within minutes.
WATCHED = 600
GROUPS = {"model": _("Model"), "key": _("API key"), "project": _("Project")}


@organisation_required
@require_safe
def usage(request: OrganisationHttpRequest) -> HttpResponse:
    """Show totals, a chart, a table and the request log of a period."""
    organisation = request.organisation
    period, group = _choice(request)
    bounds = (organisation.pk, period.start, period.end)
    series: Any = (
        queries.by_hour(*bounds) if period.is_hourly else queries.by_day(*bounds)
    )
    context = {
        "organisation": organisation,
        "period": period,
        "ranges": DAYS,
        "group": group,
        "groups": GROUPS,
        "totals": queries.totals(*bounds),
        "chart": chart(period, series),
        "rows": queries.grouped(*bounds, group=group),
        "log": paginate(
            _events(request, period),
            order_by=("-occurred_at", "-request_id"),
            cursor=cursor_of(request),
            page_size=PAGE_SIZE,
        ),
        "query": f"range={period.name}&group={group}",
        "budget": _budget(organisation.pk),
    }
    return render(request, "usage/usage.html", context)


@organisation_required
@require_safe
def usage_fragment(request: OrganisationHttpRequest) -> HttpResponse:
    """Show this month and the last week, for the console's first page."""
    period = Period.named("7d")
    context = {
        "organisation": request.organisation,
        "totals": queries.totals(request.organisation.pk, period.start, period.end),
        "budget": _budget(request.organisation.pk),
    }
    return render(request, "usage/_usage.html", context)


@organisation_required
@require_safe
def steps_fragment(request: OrganisationHttpRequest) -> HttpResponse:
    """Show what is left of the way to the first call; nothing once all is done.

    The page asks again while a call is awaited, up to the second ``until``, and says
    how many steps it shows as ``done``: 204 as long as it is right.
    """
    asked = Values(request.GET)
    steps = first_steps(request.user, request.organisation)
    done = sum(step.is_done for step in steps)
    # One digit: there are no ten steps.
    shown = asked.whole("done", default=done, least=0, most=9)
    now = int(timezone.now().timestamp())
    until = asked.whole("until", default=now + WATCHED, least=0, most=now + WATCHED)
    is_awaiting = any(step.is_awaited and not step.is_done for step in steps)
    is_watching = is_awaiting and now < until
    if is_watching and asked.has("done") and shown == done:
        return HttpResponse(status=204)
    context = {
        "organisation": request.organisation,
        "steps": steps,
        "done": done,
        # Who saw steps turn done sees the last one, too.
        "is_shown": done < len(steps) or done > shown,
        "is_watching": is_watching,
        "until": until,
        "has_called": done > shown and not is_awaiting,
    }
    return render(request, "usage/_steps.html", context)


@organisation_required
@require_safe
def log_csv(request: OrganisationHttpRequest) -> HttpResponseBase:
    """Download every request of a period; money in billionths of a dollar."""
    period, _group = _choice(request)
    _record_export(request)
    names = [
        *("request_id", "occurred_at", "model", "key__name", "status", "is_stream"),
        *("is_estimated", "tokens_in", "tokens_cached", "tokens_out", "price_nano"),
        *("first_byte_ms", "total_ms", "client_request_id", "error_code", "saved_nano"),
    ]
    rows = _events(request, period).order_by("-occurred_at", "-request_id")
    shown = {
        "key__name": "key",
        "price_nano": "price_nano_usd",
        "saved_nano": "saved_nano_usd",
    }
    header = [shown.get(name, name) for name in names]
    return csv_response(
        f"requests-{request.organisation.slug}-{period.name}.csv",
        header,
        rows.values_list(*names).iterator(chunk_size=CHUNK),
    )


@organisation_required
@require_safe
def table_csv(request: OrganisationHttpRequest) -> HttpResponseBase:
    """Download the sums per model, key or project; money in billionths of a dollar."""
    period, group = _choice(request)
    _record_export(request)
    rows = queries.grouped(
        request.organisation.pk, period.start, period.end, group=group
    )
    name = queries.NAMES[group]
    sums = ["request_count", "failure_count", "in_count", "out_count", "price"]
    return csv_response(
        f"usage-{request.organisation.slug}-{period.name}.csv",
        [group, "requests", "failures", "tokens_in", "tokens_out", "price_nano_usd"],
        ([row[name], *(row[each] for each in sums)] for row in rows),
    )


def _record_export(request: OrganisationHttpRequest) -> None:
    audit.record(
        "usage.exported",
        actor=request.user,
        organisation=request.organisation,
        target=request.path[:200],
    )


def _choice(request: OrganisationHttpRequest) -> tuple[Period, str]:
    asked = Values(request.GET)
    period = Period.named(asked.choice("range", DAYS, default=DEFAULT))
    return period, asked.choice("group", GROUPS, default="model")


def _events(request: OrganisationHttpRequest, period: Period) -> QuerySet[UsageEvent]:
    return UsageEvent.objects.filter(
        organisation=request.organisation,
        occurred_at__gte=period.start,
        occurred_at__lt=period.end,
    ).select_related("key")


def _budget(organisation_id: int) -> dict[str, Any]:
    """Return this period's usage beside what the plan includes and what is beyond."""
    now = timezone.now()
    terms = terms_for(organisation_id)
    period = terms.period_of(now)
    allowance = entitlements_for(organisation_id).monthly_allowance_nano
    spent = spent_between(organisation_id, period.starts_at, period.ends_at)
    left = max(allowance - spent, 0)
    most = credit_now(organisation_id, allowance).most_of(f"{now:%Y%m}", allowance)
    room = most - queries.spent_this_month(organisation_id)
    return {
        "spent": spent,
        "allowance": allowance,
        "left": left,
        "warn_at": allowance * 8 // 10,
        "is_used_up": spent >= allowance,
        # When it begins anew, where that is not with the month.
        "renews_at": terms.period_start and period.ends_at,
        # What of it is left, once the allowance is.
        "credit": max(room - left, 0),
    }
