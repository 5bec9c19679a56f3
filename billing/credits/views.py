"""An organisation's credit, in the console."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.decorators import organisation_required
from accounts.types import OrganisationHttpRequest
from audit import services as audit
from billing.credits import permissions, queries
from billing.credits.models import CreditGrant
from core.reading import cursor_of
from edge.pagination import paginate
from edge.tables import csv_response


@organisation_required
@require_safe
def credit_home(request: OrganisationHttpRequest) -> HttpResponse:
    """Show the balance, what covered this month, and every grant."""
    _require_sight(request)
    grants = CreditGrant.objects.visible_to(request.user).filter(
        organisation=request.organisation
    )
    context = {
        "organisation": request.organisation,
        "state": queries.credit_state(request.organisation.pk),
        "page": paginate(grants, cursor=cursor_of(request)),
        "now": timezone.now(),
    }
    return render(request, "credits/credit_home.html", context)


@organisation_required
@require_safe
def credit_detail(request: OrganisationHttpRequest, credit_id: str) -> HttpResponse:
    """Show where one grant went, the newest entry first."""
    _require_sight(request)
    grants = CreditGrant.objects.visible_to(request.user).filter(
        organisation=request.organisation
    )
    grant = get_object_or_404(grants, public_id=credit_id)
    context = {
        "organisation": request.organisation,
        "grant": grant,
        "page": paginate(grant.entries.all(), cursor=cursor_of(request)),
        "now": timezone.now(),
    }
    return render(request, "credits/credit_detail.html", context)


@organisation_required
@require_safe
def entries_csv(request: OrganisationHttpRequest) -> HttpResponseBase:
    """Download every movement of an organisation's credit."""
    _require_sight(request)
    audit.record(
        "credit.exported",
        actor=request.user,
        organisation=request.organisation,
        target=request.path[:200],
    )
    return csv_response(
        f"credit-{request.organisation.slug}.csv",
        queries.ENTRY_COLUMNS,
        queries.entry_rows(request.organisation.pk),
    )


def _require_sight(request: OrganisationHttpRequest) -> None:
    if not permissions.can_see_credit(request.user, request.organisation):
        raise PermissionDenied
