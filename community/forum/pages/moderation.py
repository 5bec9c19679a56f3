"""What moderators do to topics."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.decorators import sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.lookups import topic_page, visible_topic
from community.forum.models import Category
from core.reading import Values


@require_POST
@sign_in_required(page=topic_page)
def topic_moderate(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Lock, pin or move a topic."""
    topic = visible_topic(request, pk)
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    sent = Values(request.POST)
    acts: dict[str, Callable[[], None]] = {
        "lock": lambda: services.set_locked(topic, by=request.user, is_locked=True),
        "unlock": lambda: services.set_locked(topic, by=request.user, is_locked=False),
        "pin": lambda: services.set_pinned(topic, by=request.user, is_pinned=True),
        "unpin": lambda: services.set_pinned(topic, by=request.user, is_pinned=False),
        "move": lambda: services.move_topic(
            topic,
            by=request.user,
            category=get_object_or_404(Category, slug=sent.text("category")),
        ),
    }
    act = sent.choice("act", acts)
    if not act:
        raise PermissionDenied
    acts[act]()
    return redirect(topic)
