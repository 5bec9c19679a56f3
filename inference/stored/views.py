"""The choice to have responses kept, in the console."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import organisation_required
from accounts.types import OrganisationHttpRequest
from inference.retention.pages import ChoicePage, require_chooser
from inference.stored import services
from inference.stored.forms import StorageForm
from inference.stored.models import Storage, StoredResponse

_PAGE = ChoicePage(
    choices=Storage.objects.all,
    kept=StoredResponse.objects.all,
    form=StorageForm,
    set_choice=services.set_choice,
    template="stored/storage.html",
    address="stored:storage",
    off_address="stored:turn-off",
    said=gettext_lazy("Responses are stored from now on."),
    submit=gettext_lazy("Store responses"),
)


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
def storage(request: OrganisationHttpRequest) -> HttpResponse:
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
            "Nothing is stored any more. %(count)s response was deleted.",
            "Nothing is stored any more. %(count)s responses were deleted.",
            count,
        )
        % {"count": count},
    )
    return redirect("stored:storage", request.organisation.slug)
