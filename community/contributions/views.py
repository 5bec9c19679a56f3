from allauth.socialaccount.adapter import get_adapter
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from community.contributions import services
from community.contributions.exceptions import BadPayload, BadSignature
from community.contributions.models import Contribution
from core.reading import cursor_of
from edge.pagination import paginate

# What GitHub may send; it is read in a thread, and measured before it is parsed.
MAX_BODY = 25 * 1024 * 1024


@csrf_exempt
@require_POST
def github_webhook(request: HttpRequest) -> JsonResponse:
    """Store what GitHub reports; a worker acts on it."""
    # Past the limit for forms, which Django holds where it reads ``body``.
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        return JsonResponse({"detail": "The body is too large."}, status=413)
    try:
        services.verify(body, request.headers.get("X-Hub-Signature-256", ""))
        _require_json(request)
        is_new = services.receive_delivery(
            request.headers.get("X-GitHub-Delivery", ""),
            event=request.headers.get("X-GitHub-Event", ""),
            body=body,
        )
    except (BadSignature, BadPayload) as error:
        return JsonResponse(
            {"detail": str(error), "code": error.code}, status=error.status
        )
    return JsonResponse({"status": "accepted" if is_new else "known"}, status=202)


def _require_json(request: HttpRequest) -> None:
    if request.content_type != "application/json":
        # GitHub's own default is a form.
        raise BadPayload(_("Choose application/json as the webhook's content type."))


@require_safe
def hub(request: HttpRequest) -> HttpResponse:
    """How to contribute, and what was merged lately."""
    visible = Contribution.objects.visible_to(request.user).select_related("user")
    page = paginate(
        visible, order_by=("-happened_at", "-pk"), cursor=cursor_of(request)
    )
    is_linked = (
        request.user.is_authenticated
        and request.user.identities.filter(provider=services.GITHUB).exists()
    )
    context = {
        "page": page,
        "is_linked": is_linked,
        "can_link": bool(get_adapter().list_apps(request, provider=services.GITHUB)),
    }
    return render(request, "contributions/hub.html", context)


@require_safe
def of_user(request: HttpRequest, username: str) -> HttpResponse:
    """A user's latest contributions, as a part of their profile."""
    user = get_object_or_404(User, username=username, is_active=True)
    visible = Contribution.objects.visible_to(request.user).filter(user=user)
    latest = visible.order_by("-happened_at", "-pk")[:10]
    return render(
        request,
        "contributions/_of_user.html",
        {"contributions": latest, "person": user},
    )
