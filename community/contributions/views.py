from allauth.socialaccount.adapter import get_adapter
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import staff_required
from accounts.models import User
from audit import services as audit
from community.contributions import services
from community.contributions.exceptions import BadPayload, BadSignature
from community.contributions.models import Contribution, Delivery
from core.pagination import BadCursor, paginate
from core.types import AuthenticatedHttpRequest

MAX_BODY = 2_000_000


@csrf_exempt
@require_POST
def github_webhook(request: HttpRequest) -> JsonResponse:
    """Store what GitHub reports; a worker acts on it."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        return JsonResponse({"detail": "The body is too large."}, status=413)
    body = request.body
    try:
        services.verify(body, request.headers.get("X-Hub-Signature-256", ""))
        is_new = services.receive_delivery(
            request.headers.get("X-GitHub-Delivery", "")[:80],
            event=request.headers.get("X-GitHub-Event", ""),
            body=body,
        )
    except (BadSignature, BadPayload) as error:
        return JsonResponse(
            {"detail": str(error), "code": error.code}, status=error.status
        )
    return JsonResponse({"status": "accepted" if is_new else "known"}, status=202)


@require_safe
def hub(request: HttpRequest) -> HttpResponse:
    """How to contribute, and what was merged lately."""
    visible = Contribution.objects.visible_to(request.user).select_related("user")
    try:
        page = paginate(
            visible, order_by=("-happened_at", "-pk"), cursor=request.GET.get("cursor")
        )
    except BadCursor as error:
        return render(request, "400.html", {"reason": error}, status=400)
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
    """Somebody's latest contributions, as a part of their profile."""
    user = get_object_or_404(User, username=username, is_active=True)
    visible = Contribution.objects.visible_to(request.user).filter(user=user)
    latest = visible.order_by("-happened_at", "-pk")[:10]
    return render(
        request,
        "contributions/_of_user.html",
        {"contributions": latest, "person": user},
    )


@require_safe
@staff_required
def delivery_list(request: HttpRequest) -> HttpResponse:
    """What GitHub sent, and what became of it."""
    deliveries = Delivery.objects.all()
    state = request.GET.get("state", "")
    if state in Delivery.State.values:
        deliveries = deliveries.filter(state=state)
    try:
        page = paginate(
            deliveries.defer("payload"),
            order_by=("-received_at", "-guid"),
            cursor=request.GET.get("cursor"),
        )
    except BadCursor as error:
        return render(request, "400.html", {"reason": error}, status=400)
    context = {"page": page, "state": state, "states": Delivery.State}
    return render(request, "contributions/delivery_list.html", context)


@require_POST
@staff_required
def replay_delivery(request: AuthenticatedHttpRequest, guid: str) -> HttpResponse:
    """Have a failed delivery acted on again."""
    services.replay_delivery(get_object_or_404(Delivery, pk=guid))
    audit.record("webhook.replayed", actor=request.user, target=f"github:{guid}")
    return redirect("contributions:delivery-list")
