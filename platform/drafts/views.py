"""The drafts of a person; saving one during typing, and deleting one."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import sign_in_required
from accounts.types import AuthenticatedHttpRequest
from core.reading import cursor_of
from drafts import services
from drafts.exceptions import DraftAccepted, NotYourDraft
from drafts.models import Draft
from drafts.places import places_of
from drafts.slots import Slot
from edge import drafting
from edge.pagination import paginate
from stores import limiter

# A form is saved a second after the last key, so a person stays far below this.
_SAVED_PER_MINUTE = 120


# A line or three of a wide screen, in characters.
EXCERPT = 300


@require_safe
@sign_in_required
def draft_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Everything the reader typed and did not send, the last first."""
    mine = Draft.objects.filter(user=request.user, accepted_at=None)
    page = paginate(mine, order_by=("-saved_at", "-pk"), cursor=cursor_of(request))
    places = places_of(request.user, {draft.place for draft in page.items})
    rows = [
        (kept.draft, kept.text[:EXCERPT], places[kept.draft.place])
        for kept in services.texts_of(page.items)
    ]
    return render(request, "drafts/draft_list.html", {"page": page, "rows": rows})


@require_POST
@sign_in_required
def draft_remove(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Throw one draft away."""
    mine = Draft.objects.filter(user=request.user, accepted_at=None)
    services.remove_draft(get_object_or_404(mine, pk=pk))
    return redirect("drafts:draft-list")


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep what a form holds now: 204, or a refusal as JSON with ``code``."""
    if not request.user.is_authenticated:
        return JsonResponse({"code": "signed_out"}, status=401)
    slot = Slot.read(request.POST.get("slot", ""))
    if slot is None or slot.is_local:
        return JsonResponse({"code": "unknown_form"}, status=400)
    if slot.owner and slot.owner != request.user.public_id:
        return JsonResponse({"code": NotYourDraft.code}, status=NotYourDraft.status)
    limiter.check("draft", request.user.pk, limit=_SAVED_PER_MINUTE, period=60)
    fields = {k: v for k, v in request.POST.lists() if k != "slot"}
    owner = services.owner_of(request) or services.Owner(request.user)
    try:
        services.keep(slot, fields, owner=owner)
    except DraftAccepted as error:
        # What is typed from now on is another text, with a token of its own.
        again = Slot(owner=request.user.public_id, place=slot.place)
        return JsonResponse(
            {"code": error.code, "nonce": again.nonce, "token": again.token()},
            status=error.status,
        )
    return HttpResponse(status=204)


@require_POST
def discard(request: HttpRequest) -> HttpResponse:
    """Throw away what a form holds and show the page again."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    drafting.accept(request)
    return HttpResponseRedirect(back)
