"""An organisation's cache in the console: who uses it, what it holds and saved."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import organisation_required
from accounts.permissions import can_manage_keys
from accounts.types import OrganisationHttpRequest
from core.errors import Unavailable
from inference.caching import services
from inference.caching.answers import MOST_BYTES, CacheSize, size_of
from inference.caching.queries import caching_keys, savings_of


@organisation_required
@require_safe
def cache(request: OrganisationHttpRequest) -> HttpResponse:
    """Show which keys use the cache, what is in it and what it saved this month."""
    organisation = request.organisation
    can_manage = can_manage_keys(request.user, organisation)
    if not can_manage and not request.user.is_staff:
        raise PermissionDenied
    start = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    savings = savings_of(organisation.pk, since=start)
    context = {
        "organisation": organisation,
        "keys": list(caching_keys(organisation.pk)),
        "size": _size(organisation.pk),
        "most_bytes": MOST_BYTES,
        "savings": savings,
        "saved_nano": sum(each.saved_nano for each in savings),
        "can_manage": can_manage,
    }
    return render(request, "caching/cache.html", context)


@organisation_required
@require_POST
def remove_answers(request: OrganisationHttpRequest) -> HttpResponse:
    """Empty the cache: every request runs again."""
    if not can_manage_keys(request.user, request.organisation):
        raise PermissionDenied
    try:
        count = services.remove_answers(request.organisation, by=request.user)
    except Unavailable:
        messages.error(
            request, _("The cache cannot be reached right now. Nothing was removed.")
        )
    else:
        messages.success(
            request,
            ngettext(
                "The cache is empty: %(count)s answer was removed.",
                "The cache is empty: %(count)s answers were removed.",
                count,
            )
            % {"count": count},
        )
    return redirect("caching:cache", request.organisation.slug)


def _size(organisation_id: int) -> CacheSize | None:
    try:
        return size_of(organisation_id)
    except Unavailable:
        return None
