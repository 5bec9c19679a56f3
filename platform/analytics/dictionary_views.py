"""The events there are, and those that nobody listed."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from activity.kinds import EventKind
from activity.models import Event
from analytics.dictionary import event_kinds
from analytics.engines import engine
from analytics.engines.protocol import Volume

# What "recently" is on the page: two releases, for most who install this.
RECENT = timedelta(days=30)
# Enough to see what varies.
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """One event of the dictionary and how much there is of it."""

    kind: EventKind
    volume: Volume | None


@require_safe
@staff_required
def event_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every event with owner, volume and last sight; and what is in quarantine."""
    volumes = engine().volumes(since=timezone.now() - RECENT)
    counted = {each.name: each for each in volumes if not each.fault}
    context = {
        "events": [
            ListedEvent(kind, counted.get(name)) for name, kind in event_kinds().items()
        ],
        "quarantined": [each for each in volumes if each.fault],
        "days": RECENT.days,
    }
    return render(request, "analytics/event_list.html", context)


@require_safe
@staff_required
def event_detail(request: AuthenticatedHttpRequest, slug: str) -> HttpResponse:
    """One event: what it means, its properties, and the newest of its kind."""
    kind = event_kinds().get(slug)
    volumes = [
        each
        for each in engine().volumes(since=timezone.now() - RECENT)
        if each.name == slug
    ]
    if kind is None and not volumes:
        raise Http404
    newest = Event.objects.filter(name=slug).order_by("-occurred_at")
    context = {
        "name": slug,
        "kind": kind,
        "volume": next((each for each in volumes if not each.fault), None),
        "quarantined": [each for each in volumes if each.fault],
        "examples": newest[:EXAMPLES],
        "days": RECENT.days,
    }
    return render(request, "analytics/event_detail.html", context)
