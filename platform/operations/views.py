from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from operations.schema import reference


@require_safe
def api_reference(request: HttpRequest) -> HttpResponse:
    """Every endpoint of the REST API, as its schema describes it."""
    example = (
        f"curl {settings.SITE_URL}/api/v1/topics/ \\\n"
        '  -H "Authorization: Bearer $DOORSTONE_TOKEN" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -H "Idempotency-Key: $(uuidgen)" \\\n'
        "  -d '"
        '{"category": "help", "title": "How do I stream?", "text": "I tried …"}'
        "'"
    )
    context = {
        "groups": reference(),
        "example": example,
        "base_url": f"{settings.SITE_URL}/api/v1/",
        "limits": settings.REST_CALLS_PER_MINUTE,
    }
    return render(request, "operations/api_reference.html", context)
