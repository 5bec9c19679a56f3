from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from activity import track
from core import limiter
from core.types import PageRequest
from search.queries import search

TABS = {
    "": _("Everything"),
    "topic": _("Forum"),
    "doc": _("Docs"),
    "model": _("Models"),
}
LIMIT = 30


@require_safe
def results(request: PageRequest) -> HttpResponse:
    """What may be found for the words typed; also the live fragment of it."""
    wanted = request.GET.get("q", "").strip()[:200]
    kind = request.GET.get("kind", "")
    kind = kind if kind in TABS else ""
    is_solved = bool(request.GET.get("solved"))
    hits = []
    if wanted:
        who = request.user.pk or request.META.get("REMOTE_ADDR", "")
        limiter.check("search", who, limit=60, period=60)
        hits = search(
            request.user,
            wanted,
            kinds=[kind] if kind else None,
            labels=["solved"] if is_solved else None,
            limit=LIMIT,
        )
        track(request, "searched", query=wanted, results=len(hits), kind=kind)
    context = {
        "wanted": wanted,
        "kind": kind,
        "tabs": TABS,
        "is_solved": is_solved,
        "hits": hits,
        "is_full": len(hits) == LIMIT,
        "language": get_language() or settings.LANGUAGE_CODE,
    }
    if request.htmx and request.GET.get("live"):
        return render(request, "search/_results.html", context)
    return render(request, "search/results.html", context)
