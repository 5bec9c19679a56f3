"""Doing the same to many topics, what was done, and undoing it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum.models import Category
from community.moderation import services
from community.moderation.forms import TopicActForm
from community.moderation.lookups import require_moderator, ticked
from community.moderation.models import Act
from community.moderation.queries import topics_for
from community.moderation.services.acting import readable
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate

STATES = {
    "shown": gettext_lazy("Shown"),
    "locked": gettext_lazy("Locked"),
    "hidden": gettext_lazy("Hidden"),
}


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def topic_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Topics to tick, and what is done to all of them."""
    by = require_moderator(request)
    form = TopicActForm(request.POST if request.method == "POST" else None)
    chosen = ticked(request.POST) if request.method == "POST" else []
    if request.method == "POST" and form.is_valid():
        keys = readable(chosen, by=by)
        if not keys:
            form.add_error(None, _("Tick at least one of them."))
        else:
            act = services.treat_topics(
                keys,
                kind=form.cleaned_data["act"],
                by=by,
                reason=form.cleaned_data["reason"],
                value=form.value,
            )
            drafting.accept(request)
            return redirect(act)
    asked = Values(request.GET)
    state = asked.choice("state", STATES, default="shown")
    category, author = asked.text("category"), asked.text("author").lstrip("@")
    topics = topics_for(by, state=state, category=category, author=author)
    page = paginate(topics, order_by=("-bumped_at", "-pk"), cursor=cursor_of(request))
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "page": page,
        "form": form,
        "chosen": chosen,
        "state": state,
        "category": category,
        "author": author,
        "categories": Category.objects.all(),
        "states": STATES.items(),
        "acts": form.fields["act"].choices,  # type: ignore[attr-defined]
        "query": query.urlencode(),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "moderation/topic_list.html", context, status=status)


@require_safe
@sign_in_required
def act_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What was done to many at once, the last first."""
    require_moderator(request)
    page = paginate(
        Act.objects.select_related("by", "undone_by"),
        order_by=("-created_at", "-pk"),
        cursor=cursor_of(request),
    )
    return render(request, "moderation/act_list.html", {"page": page})


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def act_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """What one act did to each topic or case; undoing all of it."""
    by = require_moderator(request)
    act = get_object_or_404(Act.objects.select_related("by", "undone_by"), pk=pk)
    error, status = "", 200
    if request.method == "POST":
        try:
            services.undo_act(act, by=by)
        except DomainError as refused:
            error, status = str(refused), refused.status
        else:
            return redirect(act)
    items = act.items.select_related(
        "topic", "case__post__topic", "case__comment__post__topic"
    )
    context = {"act": act, "items": items.order_by("pk"), "error": error}
    return render(request, "moderation/act_detail.html", context, status=status)
