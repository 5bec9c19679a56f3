"""The webhook's door, and the staff's view of what came through it."""

import json

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from billing.stripe import services
from billing.stripe.exceptions import BadSignature
from billing.stripe.models import WebhookInbox
from billing.stripe.webhooks import MAX_BODY, verified_event
from core.reading import Values, cursor_of
from edge.pagination import paginate


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> JsonResponse:
    """Verify, store, answer; the work is done elsewhere."""
    body = _body_of(request)
    if body is None:
        return _refusal("too_large", 413)
    try:
        event = verified_event(
            body,
            request.headers.get("Stripe-Signature", ""),
            secrets=settings.STRIPE_WEBHOOK_SECRETS,
        )
    except BadSignature:
        return _refusal("bad_signature", 400)
    is_new = services.receive_event(event)
    return JsonResponse({"received": True, "duplicate": not is_new})


@staff_required
@require_GET
def webhook_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List what came in, newest first, by state, type or object."""
    asked = Values(request.GET)
    state = asked.choice("state", WebhookInbox.State.values)
    text = asked.text("q")
    rows = WebhookInbox.objects.defer("payload")
    if state:
        rows = rows.filter(state=state)
    if text:
        field = "type__startswith" if "." in text else "object_id"
        field = "event_id" if text.startswith("evt_") else field
        rows = rows.filter(**{field: text})
    counts = dict(
        WebhookInbox.objects.values_list("state").annotate(Count("pk")).order_by()
    )
    context = {
        "page": paginate(rows, order_by=("-pk",), cursor=cursor_of(request)),
        "states": [
            (value, label, counts.get(value, 0))
            for value, label in WebhookInbox.State.choices
        ],
        "total": sum(counts.values()),
        "state": state,
        "q": text,
    }
    return render(request, "billing/webhook_list.html", context)


@staff_required
@require_GET
def webhook_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show one event with its payload."""
    row = get_object_or_404(WebhookInbox, pk=pk)
    payload = json.dumps(json.loads(row.payload), indent=2, ensure_ascii=False)
    context = {"row": row, "payload": payload}
    return render(request, "billing/webhook_detail.html", context)


@staff_required
@require_POST
def webhook_replay(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Work through an event again; safe, because it only fetches anew."""
    row = get_object_or_404(WebhookInbox, pk=pk)
    services.replay(row)
    audit.record("webhook.replayed", actor=request.user, target=row.event_id)
    messages.success(request, _("The event is being worked through again."))
    return redirect("stripe:webhook-detail", pk=pk)


def _body_of(request: HttpRequest) -> bytes | None:
    body = request.read(MAX_BODY + 1)
    return body if len(body) <= MAX_BODY else None


def _refusal(code: str, status: int) -> JsonResponse:
    return JsonResponse({"received": False, "code": code}, status=status)
