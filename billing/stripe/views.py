"""The webhook's door."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.stripe import services
from billing.stripe.exceptions import BadSignature
from billing.stripe.webhooks import MAX_BODY, verified_event


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


def _body_of(request: HttpRequest) -> bytes | None:
    body = request.read(MAX_BODY + 1)
    return body if len(body) <= MAX_BODY else None


def _refusal(code: str, status: int) -> JsonResponse:
    return JsonResponse({"received": False, "code": code}, status=status)
