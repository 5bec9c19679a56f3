"""Every organisation's month for staff: how far it is, and what they do about it."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import recent_sign_in_required, staff_required
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from billing.credits.models import Coverage
from billing.overage import settling, staff_queries
from billing.overage.forms import SettleForm
from billing.overage.models import Statement, WriteOff
from core.errors import DomainError
from core.money import format_minor
from core.reading import UnreadableValue, Values, cursor_of
from edge import drafting
from edge.pagination import paginate
from edge.tables import csv_response

# The largest number a row can have.
MOST_ID = 10**18


@require_safe
@staff_required
def statement_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List every charged period, by state, organisation and month."""
    asked = _asked(request)
    page = paginate(staff_queries.months(**asked), cursor=cursor_of(request))
    rows: list[Any] = page.items
    context = {
        "states": [("", _("All")), *staff_queries.STATES.items()],
        "state": asked["state"],
        "organisation": asked["organisation"],
        "month": asked["month"],
        "rows": [(row, staff_queries.STATES[row.state]) for row in rows],
        "page": page,
        "query": _query(request),
    }
    return render(request, "overage/staff_list.html", context)


@require_safe
@staff_required
def statement_csv(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Download the periods that the list shows, all of them."""
    audit.record(
        "charges.exported", actor=request.user, target=request.get_full_path()[:200]
    )
    rows = staff_queries.months(**_asked(request))
    return csv_response(
        "statements.csv", staff_queries.COLUMNS, staff_queries.month_rows(rows)
    )


@require_safe
@staff_required
def statement_detail(
    request: AuthenticatedHttpRequest, statement_id: str
) -> HttpResponse:
    """Show one statement: its lines, where they are, and what is wrong with it."""
    return _page(request, _statement(statement_id), SettleForm())


@require_POST
@staff_required
@recent_sign_in_required
def statement_send(
    request: AuthenticatedHttpRequest, statement_id: str
) -> HttpResponse:
    """Send what Stripe has not got of a statement."""
    statement = _statement(statement_id)
    try:
        settling.send_again(statement, by=request.user)
    except DomainError as no:
        reason = no.details.get("reason", "")
        messages.error(request, f"{no} {reason}".strip())
    else:
        messages.success(request, _("Stripe has every line of it."))
    return redirect("overage:staff-detail", statement_id)


@require_POST
@staff_required
@recent_sign_in_required
def statement_write_off(
    request: AuthenticatedHttpRequest, statement_id: str
) -> HttpResponse:
    """Ask for the rest of a statement no more."""
    statement = _statement(statement_id)
    form = SettleForm(request.POST)
    if not form.is_valid():
        return _page(request, statement, form, status=422)
    try:
        row = settling.order_write_off(
            statement, reason=form.cleaned_data["reason"], by=request.user
        )
    except DomainError as no:
        form.add_error(None, str(no))
        return _page(request, statement, form, status=no.status)
    drafting.accept(request)
    said = {"amount": format_minor(row.amount, statement.currency)}
    if row.state == WriteOff.State.DONE:
        messages.success(request, _("%(amount)s are written off.") % said)
    else:
        messages.success(
            request, _("%(amount)s take a second person. A colleague is asked.") % said
        )
    return redirect("overage:staff-detail", statement_id)


@require_POST
@staff_required
@recent_sign_in_required
def statement_take_back(
    request: AuthenticatedHttpRequest, statement_id: str
) -> HttpResponse:
    """Ask for a statement again that was written off."""
    statement = _statement(statement_id)
    form = SettleForm(request.POST)
    if not form.is_valid():
        return _page(request, statement, form, status=422)
    try:
        settling.take_back(
            statement, reason=form.cleaned_data["reason"], by=request.user
        )
    except DomainError as no:
        form.add_error(None, str(no))
        return _page(request, statement, form, status=no.status)
    drafting.accept(request)
    messages.success(request, _("It is sent again within minutes."))
    return redirect("overage:staff-detail", statement_id)


@require_POST
@staff_required
@recent_sign_in_required
def period_close(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Close what is ended of the organisation whose ``period`` is named."""
    number = Values(request.POST).whole("period", default=0, least=1, most=MOST_ID)
    if not number:
        raise UnreadableValue("period", _("“%(field)s” is missing."))
    rows = Coverage.objects.select_related("organisation")
    coverage = get_object_or_404(rows, pk=number)
    closed = settling.close_again(coverage, by=request.user)
    if closed:
        messages.success(request, _("Closed."))
    else:
        messages.info(request, _("There was nothing to close."))
    return redirect("overage:staff-list")


def _statement(public_id: str) -> Statement:
    rows = Statement.objects.select_related("organisation", "coverage")
    return get_object_or_404(rows, public_id=public_id)


def _page(
    request: AuthenticatedHttpRequest,
    statement: Statement,
    form: SettleForm,
    *,
    status: int = 200,
) -> HttpResponse:
    months = staff_queries.months().filter(pk=statement.coverage_id)
    row: Any = months.first()
    lines = list(statement.lines.select_related("coverage", "statement"))
    context = {
        "statement": statement,
        "state": row.state,
        "label": staff_queries.STATES[row.state],
        "charge_nano": sum(line.charge_nano for line in lines),
        "lines": lines,
        "pending": settling.pending_amount(statement),
        "problems": list(statement.problems.order_by("since")),
        "write_offs": list(statement.write_offs.select_related("by").order_by("-pk")),
        "invoices": staff_queries.invoices_of(statement),
        "form": form,
    }
    return render(request, "overage/staff_detail.html", context, status=status)


def _asked(request: AuthenticatedHttpRequest) -> dict[str, Any]:
    asked = Values(request.GET)
    return {
        "state": asked.choice("state", ["", *staff_queries.STATES], default=""),
        # As long as a name in addresses can be.
        "organisation": asked.text("organisation", most=60),
        "month": _month(asked.text("month")),
    }


def _month(text: str) -> date | None:
    """Return the first day of ``2026-05``; None without one."""
    if not text:
        return None
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise UnreadableValue(
            "month", _("“%(field)s” has to be a month, as 2026-05.")
        ) from error


def _query(request: AuthenticatedHttpRequest) -> str:
    """Return what was asked for, but for the place in the list."""
    query = request.GET.copy()
    query.pop("cursor", None)
    return query.urlencode()
