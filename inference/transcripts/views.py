"""The choice to have what is said kept, and reading it, in the console."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import organisation_required
from accounts.types import OrganisationHttpRequest
from inference.retention.pages import ChoicePage, require_chooser
from inference.transcripts import services
from inference.transcripts.exceptions import TranscriptMissing
from inference.transcripts.forms import TranscriptForm
from inference.transcripts.models import Transcript, TranscriptChoice
from inference.transcripts.presentation import indented, said_in

_PAGE = ChoicePage(
    choices=TranscriptChoice.objects.all,
    kept=Transcript.objects.all,
    form=TranscriptForm,
    set_choice=services.set_choice,
    template="transcripts/choice.html",
    address="transcripts:choice",
    off_address="transcripts:turn-off",
    said=gettext_lazy("Transcripts are kept from now on."),
    submit=gettext_lazy("Keep transcripts"),
)


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
def choice(request: OrganisationHttpRequest) -> HttpResponse:
    """Show what is kept, and have it kept, for so many days."""
    return _PAGE.answer(request)


@organisation_required
@require_POST
def turn_off(request: OrganisationHttpRequest) -> HttpResponse:
    """Keep nothing more and forget what was kept."""
    require_chooser(request)
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
    require_chooser(request)
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
    require_chooser(request)
    try:
        services.delete(request_id, organisation=request.organisation, by=request.user)
    except TranscriptMissing as missing:
        raise Http404 from missing
    messages.success(request, _("The transcript was deleted."))
    return redirect("explorer:request-detail", request.organisation.slug, request_id)
