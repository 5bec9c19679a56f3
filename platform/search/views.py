from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from activity import track
from core.reading import Values, cursor_of
from edge.callers import place_of
from edge.types import PageRequest
from search import indexing
from search.asking import UnknownFilter
from search.finding import Hits, search_page
from search.misses import misses, unanswered
from stores import limiter

TABS = {
    "": _("Everything"),
    "topic": _("Forum"),
    "doc": _("Docs"),
    "model": _("Models"),
}
# Two screens: who has not found it by then asks differently.
PAGE_SIZE = 20
# A whole stack trace. More is a file, and refused.
MOST_PASTED = 10_000
# Some thirty words: more words find less.
MOST_SEARCHED = 200


@require_safe
def results(request: PageRequest) -> HttpResponse:
    """What may be found for the words typed; also the live fragment of it."""
    asked = Values(request.GET)
    # Who pastes a whole error message means its beginning.
    wanted = asked.text("q", most=MOST_PASTED)[:MOST_SEARCHED].strip()
    kind = asked.choice("kind", TABS)
    is_solved = asked.flag("solved")
    is_live = asked.flag("live") and bool(request.htmx)
    cursor = cursor_of(request)
    hits = Hits([], "")
    problem = ""
    if wanted:
        count_search(request)
        try:
            hits = search_page(
                request.user,
                wanted,
                kinds=[kind] if kind else None,
                labels=["solved"] if is_solved else None,
                preferred=get_language() or "",
                cursor=cursor,
                page_size=PAGE_SIZE,
            )
        except UnknownFilter as error:
            problem = str(error)
        if not cursor and not problem:
            track(
                request,
                "searched",
                query=wanted,
                results=len(hits.items),
                is_whole=hits.holds_all,
                kind=kind,
                is_live=is_live,
            )
    query = {"q": wanted, "kind": kind, "solved": "1" if is_solved else ""}
    kept = {name: value for name, value in query.items() if value}
    context = {
        "wanted": wanted,
        "kind": kind,
        "tabs": [(name, label, _tab(kept, name)) for name, label in TABS.items()],
        "is_solved": is_solved,
        "hits": hits,
        "problem": problem,
        "query": urlencode(kept),
        "is_later_page": bool(cursor),
    }
    if not is_live:
        status = 400 if problem else 200
        return render(request, "search/results.html", context, status=status)
    response = render(request, "search/_results.html", context)
    # What is shown can be kept, shared and come back to.
    response["HX-Replace-Url"] = f"{request.path}?{urlencode(kept)}"
    return response


@require_safe
@staff_required
def miss_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What was searched for and not found, with a way to ask it."""
    context = {"misses": misses(), "unanswered": unanswered()}
    return render(request, "search/misses.html", context)


@require_safe
@staff_required
def meaning_progress(request: AuthenticatedHttpRequest) -> HttpResponse:
    """How much of what the assistants search is found by meaning by now."""
    context = {"progress": indexing.progress(), "model": settings.EMBEDDINGS_MODEL}
    return render(request, "search/meaning.html", context)


def count_search(request: HttpRequest) -> None:
    """Count one search of a person, or of an address. Raises ``RateLimited``."""
    who = request.user.pk or place_of(request)
    # One a second is fast typing with the live results on.
    limiter.check("search", who, limit=60, period=60)


def _tab(query: dict[str, str], kind: str) -> str:
    return urlencode({**query, "kind": kind} if kind else _without(query, "kind"))


def _without(query: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in query.items() if key != name}
