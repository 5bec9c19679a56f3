"""The choice to have responses kept, in the console."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import organisation_required
from accounts.permissions import can_choose_storage, role_in
from accounts.types import OrganisationHttpRequest
from edge import drafting
from inference.stored import services
from inference.stored.forms import StorageForm
from inference.stored.models import MOST_DAYS, Storage, StoredResponse


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
def storage(request: OrganisationHttpRequest) -> HttpResponse:
    """Show what is kept, and have it kept, for so many days."""
    if request.method == "POST":
        _require_chooser(request)
    is_member = role_in(request.user, request.organisation) is not None
    if not is_member and not request.user.is_staff:
        raise PermissionDenied
    chosen = Storage.objects.filter(pk=request.organisation.pk).first()
    initial = {"days": chosen.days if chosen else MOST_DAYS}
    data = request.POST if request.method == "POST" else None
    form = StorageForm(data, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.turn_on(
            request.organisation, days=form.cleaned_data["days"], by=request.user
        )
        drafting.accept(request)
        messages.success(request, _("Responses are stored from now on."))
        return redirect("stored:storage", request.organisation.slug)
    kept = StoredResponse.objects.kept_for(request.organisation.pk)
    context = {
        "organisation": request.organisation,
        "chosen": chosen,
        "count": kept.count(),
        "form": form,
        "can_choose": can_choose_storage(request.user, request.organisation),
    }
    status = 422 if form.is_bound else 200
    return render(request, "stored/storage.html", context, status=status)


@organisation_required
@require_POST
def turn_off(request: OrganisationHttpRequest) -> HttpResponse:
    """Keep nothing more and forget what was kept."""
    _require_chooser(request)
    count = services.turn_off(request.organisation, by=request.user)
    messages.success(
        request,
        ngettext(
            "Nothing is stored any more. %(count)s response was deleted.",
            "Nothing is stored any more. %(count)s responses were deleted.",
            count,
        )
        % {"count": count},
    )
    return redirect("stored:storage", request.organisation.slug)


def _require_chooser(request: OrganisationHttpRequest) -> None:
    if not can_choose_storage(request.user, request.organisation):
        raise PermissionDenied
