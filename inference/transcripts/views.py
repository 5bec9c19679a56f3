"""The choice to have what is said kept, and reading it, in the console."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import organisation_required
from accounts.permissions import can_choose_storage, role_in
from accounts.types import OrganisationHttpRequest
from edge import drafting
from inference.transcripts import services
from inference.transcripts.exceptions import TranscriptMissing
from inference.transcripts.forms import TranscriptForm
from inference.transcripts.models import MOST_DAYS, Transcript, TranscriptChoice
from inference.transcripts.presentation import indented, said_in


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
def choice(request: OrganisationHttpRequest) -> HttpResponse:
    """Show what is kept, and have it kept, for so many days."""
    if request.method == "POST":
        _require_chooser(request)
    is_member = role_in(request.user, request.organisation) is not None
    if not is_member and not request.user.is_staff:
        raise PermissionDenied
    chosen = TranscriptChoice.objects.filter(pk=request.organisation.pk).first()
    initial = {"days": chosen.days if chosen else MOST_DAYS}
    data = request.POST if request.method == "POST" else None
    form = TranscriptForm(data, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.set_choice(
            request.organisation, days=form.cleaned_data["days"], by=request.user
        )
        drafting.accept(request)
        messages.success(request, _("Transcripts are kept from now on."))
        return redirect("transcripts:choice", request.organisation.slug)
    context = {
        "organisation": request.organisation,
        "chosen": chosen,
        "count": Transcript.objects.kept_for(request.organisation.pk).count(),
        "form": form,
        "can_choose": can_choose_storage(request.user, request.organisation),
    }
    status = 422 if form.is_bound else 200
    return render(request, "transcripts/choice.html", context, status=status)


@organisation_required
@require_POST
def turn_off(request: OrganisationHttpRequest) -> HttpResponse:
    """Keep nothing more and forget what was kept."""
    _require_chooser(request)
    count = services.withdraw_choice(request.organisation, by=request.user)
    messages.success(
        request,
        ngettext(
            "Transcripts are not kept any more. %(count)s was deleted.",
            "Transcripts are not kept any more. %(count)s were deleted.",
            count,
        )
        % {"count": count},
    )
    return redirect("transcripts:choice", request.organisation.slug)


@organisation_required
@require_safe
@never_cache
def transcript(request: OrganisationHttpRequest, request_id: str) -> HttpResponse:
    """What one call said, for who may choose that it is kept. Reading is recorded."""
    _require_chooser(request)
    try:
        said = services.read(
            request_id, organisation=request.organisation, by=request.user
        )
    except TranscriptMissing as missing:
        raise Http404 from missing
    context = {
        "organisation": request.organisation,
        "request_id": request_id,
        "said": said,
        "sent": indented(said.request),
        "answer": said_in(said.answer),
        "sent_back": indented(said.answer),
    }
    return render(request, "transcripts/transcript.html", context)


@organisation_required
@require_POST
def delete(request: OrganisationHttpRequest, request_id: str) -> HttpResponse:
    """Forget what one call said."""
    _require_chooser(request)
    try:
        services.delete(request_id, organisation=request.organisation, by=request.user)
    except TranscriptMissing as missing:
        raise Http404 from missing
    messages.success(request, _("The transcript was deleted."))
    return redirect("explorer:request-detail", request.organisation.slug, request_id)


def _require_chooser(request: OrganisationHttpRequest) -> None:
    if not can_choose_storage(request.user, request.organisation):
        raise PermissionDenied
