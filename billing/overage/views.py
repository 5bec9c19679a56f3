"""What an organisation's usage is charged, in the console."""

from decimal import Decimal

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import (
    has_signed_in_recently,
    organisation_required,
    recent_sign_in_where_due,
)
from accounts.types import OrganisationHttpRequest
from audit import services as audit
from billing.overage import permissions, queries, services
from billing.overage.forms import CapForm
from billing.overage.models import Statement
from billing.plans import usage_words
from core.money import NANO
from core.reading import cursor_of
from edge import drafting
from edge.pagination import paginate
from edge.tables import csv_response


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_sign_in_where_due
def overage_home(request: OrganisationHttpRequest) -> HttpResponse:
    """Show the running period, the cap and what was charged; a POST sets the cap."""
    organisation = request.organisation
    can_set = permissions.can_set_cap(request.user, organisation)
    _require_sight(request)
    if request.method == "POST" and not can_set:
        raise PermissionDenied
    state = queries.charge_state(organisation.pk)
    shown = None if state.cap_nano is None else Decimal(state.cap_nano) / NANO
    form = CapForm(
        request.POST if request.method == "POST" else None,
        initial={"cap": shown and shown.quantize(Decimal("0.01"))},
    )
    if form.is_bound and form.is_valid():
        services.set_cap(
            organisation,
            cap_nano=form.cap_nano,
            by=request.user,
            may_raise=has_signed_in_recently(request),
        )
        drafting.accept(request)
        messages.success(request, _("The cap is in force."))
        return redirect("overage:overage-home", organisation.slug)
    statements = Statement.objects.visible_to(request.user).filter(
        organisation=organisation
    )
    context = {
        "organisation": organisation,
        "state": state,
        "price_told": usage_words.told(state.price),
        "parts": [(usage_words.part_named(state.price, p), p) for p in state.parts],
        "form": form,
        "can_set": can_set,
        "page": paginate(
            statements.select_related("coverage"), cursor=cursor_of(request)
        ),
    }
    status = 422 if form.is_bound else 200
    return render(request, "overage/overage_home.html", context, status=status)


@organisation_required
@require_safe
def statement_detail(
    request: OrganisationHttpRequest, statement_id: str
) -> HttpResponse:
    """Show the lines of one statement, as the invoice has them."""
    _require_sight(request)
    statements = Statement.objects.visible_to(request.user).filter(
        organisation=request.organisation
    )
    statement = get_object_or_404(
        statements.select_related("coverage"), public_id=statement_id
    )
    lines = list(statement.lines.select_related("coverage", "statement"))
    context = {
        "organisation": request.organisation,
        "statement": statement,
        "lines": lines,
        "charge_nano": sum(line.charge_nano for line in lines),
        "has_late": any(line.is_late for line in lines),
    }
    return render(request, "overage/statement_detail.html", context)


@organisation_required
@require_safe
def lines_csv(request: OrganisationHttpRequest) -> HttpResponseBase:
    """Download every line that was charged."""
    _require_sight(request)
    audit.record(
        "charges.exported",
        actor=request.user,
        organisation=request.organisation,
        target=request.path[:200],
    )
    return csv_response(
        f"charges-{request.organisation.slug}.csv",
        queries.LINE_COLUMNS,
        queries.line_rows(request.organisation.pk),
    )


def _require_sight(request: OrganisationHttpRequest) -> None:
    if not permissions.can_see_charges(request.user, request.organisation):
        raise PermissionDenied
