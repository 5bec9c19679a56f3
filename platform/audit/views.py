from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.decorators import organisation_required
from accounts.permissions import can_see_audit
from audit.models import Record
from core.pagination import BadCursor, paginate
from core.types import OrganisationHttpRequest


@require_safe
@organisation_required
def record_list(request: OrganisationHttpRequest) -> HttpResponse:
    """What was done in an organisation that touches its security."""
    if not can_see_audit(request.user, request.organisation):
        raise PermissionDenied
    records = Record.objects.filter(organisation=request.organisation)
    try:
        page = paginate(
            records.select_related("actor"), cursor=request.GET.get("cursor")
        )
    except BadCursor as error:
        return render(request, "400.html", {"reason": error}, status=400)
    context = {"organisation": request.organisation, "page": page}
    return render(request, "audit/record_list.html", context)
