"""Taking over what one wrote elsewhere, and the addresses it had."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_POST,
    require_safe,
)

from accounts.decorators import sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.imports import services
from community.imports.addresses import new_address
from community.imports.models import ForumSource, ImportedPerson
from community.imports.proofs import claimable_by
from community.imports.queries import histories_of
from edge.types import PageRequest


@require_safe
@sign_in_required
def history(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What one wrote in forums that moved here."""
    return render(
        request, "imports/history.html", {"histories": histories_of(request.user)}
    )


@require_POST
@sign_in_required
def history_claim(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take over what one's account proves to be one's own."""
    person = get_object_or_404(claimable_by(request.user), pk=pk)
    services.claim_history(person, by=request.user)
    messages.success(request, _("These posts are yours now."))
    return redirect("imports:history")


@require_POST
@sign_in_required
def history_release(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Give it back."""
    mine = ImportedPerson.objects.filter(claimed_by=request.user)
    services.withdraw_claim(get_object_or_404(mine, pk=pk), by=request.user)
    messages.success(request, _("These posts no longer name you."))
    return redirect("imports:history")


@require_safe
def old_address(request: PageRequest, source: str, path: str) -> HttpResponse:
    """Lead from an address of a forum that moved here to where it is now."""
    known = get_object_or_404(ForumSource, slug=source)
    address = new_address(known, path, reader=request.user)
    if address is None:
        raise Http404
    answer = HttpResponsePermanentRedirect(address)
    # What a topic's address is may change, and who may see it.
    answer["Cache-Control"] = "private, no-cache"
    return answer
