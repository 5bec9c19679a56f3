"""What was done in an organisation, as its managers see it."""

import json

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.decorators import organisation_required, staff_required
from accounts.permissions import can_see_audit
from accounts.types import AuthenticatedHttpRequest, OrganisationHttpRequest
from audit.models import Record
from audit.services import record
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response
from entitlements.queries import entitlements_for

COLUMNS = (
    *("at", "action", "person", "target", "before", "after", "network", "request_id"),
    "digest",
)
BY_TIME = ("-at", "-pk")


@require_safe
@organisation_required
def record_list(request: OrganisationHttpRequest) -> HttpResponse:
    """What was done in an organisation that touches its security."""
    _require_sight(request)
    context = {"organisation": request.organisation}
    if not entitlements_for(request.organisation.pk).audit_log:
        return render(request, "audit/not_included.html", context)
    page = paginate(
        _records(request).select_related("actor"),
        order_by=BY_TIME,
        cursor=cursor_of(request),
    )
    return render(request, "audit/record_list.html", {**context, "page": page})


@require_safe
@organisation_required
def record_csv(request: OrganisationHttpRequest) -> HttpResponseBase:
    """Every record of an organisation, oldest first; taking it is itself recorded."""
    _require_sight(request)
    if not entitlements_for(request.organisation.pk).audit_log:
        raise PermissionDenied
    record("audit.exported", actor=request.user, organisation=request.organisation)
    rows = _records(request).select_related("actor").order_by("at", "pk")
    return csv_response(
        f"audit-{request.organisation.slug}.csv", COLUMNS, map(_row, rows.iterator())
    )


@require_safe
@staff_required
def staff_record_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What staff and the product did, in every organisation and in none."""
    # As long as the column of actions.
    action = Values(request.GET).text("action", most=80)
    records = Record.objects.select_related("actor", "organisation")
    if action:
        records = records.filter(action=action)
    page = paginate(records, order_by=BY_TIME, cursor=cursor_of(request))
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {"page": page, "action": action, "query": query.urlencode()}
    return render(request, "audit/staff_record_list.html", context)


def _require_sight(request: OrganisationHttpRequest) -> None:
    if not can_see_audit(request.user, request.organisation):
        raise PermissionDenied


def _records(request: OrganisationHttpRequest) -> QuerySet[Record]:
    return Record.objects.filter(organisation=request.organisation)


def _row(entry: Record) -> list[object]:
    return [
        entry.at,
        entry.action,
        entry.actor.username if entry.actor else "",
        entry.target,
        *(
            "" if values is None else json.dumps(values, ensure_ascii=False)
            for values in (entry.before, entry.after)
        ),
        entry.address,
        entry.request_id,
        entry.digest,
    ]
