"""What moderators and staff did in the community: every act, narrowed, as a file."""

import json
from datetime import datetime, time, timedelta

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.decorators import sign_in_required
from accounts.types import AuthenticatedHttpRequest
from audit.models import Record
from audit.services import record
from community.moderation.lookups import require_moderator
from community.moderation.queries import FAMILIES, staff_records
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response

COLUMNS = ("at", "action", "person", "target", "before", "after", "request_id")


@require_safe
@sign_in_required
def record_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every act of moderators and staff in the community, the last first."""
    require_moderator(request)
    records, asked = _asked(request)
    page = paginate(
        records.select_related("actor"),
        order_by=("-at", "-pk"),
        cursor=cursor_of(request),
    )
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        **asked,
        "page": page,
        "families": FAMILIES,
        "query": query.urlencode(),
    }
    return render(request, "moderation/record_list.html", context)


@require_safe
@sign_in_required
def record_csv(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """The same as a file, the first first; taking it is itself recorded."""
    by = require_moderator(request)
    records, _asked_for = _asked(request)
    record("act.exported", actor=by)
    rows = records.select_related("actor").order_by("at", "pk")
    return csv_response("moderation.csv", COLUMNS, map(_row, rows.iterator()))


def _asked(
    request: AuthenticatedHttpRequest,
) -> tuple[QuerySet[Record], dict[str, object]]:
    asked = Values(request.GET)
    action = asked.text("action", most=80)  # the column's width
    person = asked.text("person").lstrip("@")
    target = asked.text("target")
    since, until = asked.day("since"), asked.day("until")
    records = staff_records(person=person, action=action, target=target)
    zone = timezone.get_current_timezone()
    if since:
        records = records.filter(at__gte=datetime.combine(since, time.min, zone))
    if until:
        end = datetime.combine(until + timedelta(days=1), time.min, zone)
        records = records.filter(at__lt=end)
    return records, {
        "action": action,
        "person": person,
        "target": target,
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
    }


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
        entry.request_id,
    ]
