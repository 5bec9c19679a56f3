from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.causes.causes import DESIGNS, FACTS, Cause
from billing.causes.models import CauseEstimate
from billing.causes.trials import WINDOW

# A quarter of weeks: whether an effect is there to stay.
HISTORY = 90


@require_safe
@staff_required
def cause_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What moves α: the newest estimate of each cause."""
    found = {each.cause: each for each in CauseEstimate.objects.latest_of_each()}
    rows = [(cause, found.get(cause)) for cause in Cause]
    context = {"rows": rows, "window": WINDOW.days, "any": bool(found)}
    return render(request, "causes/list.html", context)


@require_safe
@staff_required
def cause_detail(request: AuthenticatedHttpRequest, cause: str) -> HttpResponse:
    """One cause: its estimate, what speaks for it and what against."""
    if cause not in Cause.values:
        raise Http404
    found = Cause(cause)
    history = list(CauseEstimate.objects.filter(cause=found).order_by("-day")[:HISTORY])
    latest = history[0] if history else None
    context = {
        "cause": found,
        "design": DESIGNS[found],
        "estimate": latest,
        "balance": [
            (FACTS.get(name, name), before, after)
            for name, before, after in (latest.balance if latest else [])
        ],
        "history": history,
        "window": WINDOW.days,
    }
    return render(request, "causes/detail.html", context)
