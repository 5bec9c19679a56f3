"""Ideas: what is wished for, and what staff say becomes of it."""

from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.deciding import IdeaForm
from community.forum.lookups import visible_topic
from community.forum.models import Category, Topic
from community.forum.queries import IDEA_SORTS, list_ideas, rows_of, sidebar_of
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.types import PageRequest


@require_safe
def idea_list(request: PageRequest) -> HttpResponse:
    """The ideas in one state, the most wished for first or the newest."""
    asked = Values(request.GET)
    state = asked.choice("state", Topic.IdeaState.values, default=Topic.IdeaState.OPEN)
    sort = asked.choice("sort", IDEA_SORTS, default="top")
    slug = asked.text("category")
    visible = Topic.objects.visible_to(request.user)
    category = None
    if slug:
        within = Category.objects.visible_to(request.user)
        category = get_object_or_404(within, slug=slug)
        visible = visible.filter(category=category)
    page = list_ideas(visible, state=state, sort=sort, cursor=cursor_of(request))
    query = request.GET.copy()
    query.pop("cursor", None)
    chosen = {"state": state, "sort": sort, "category": slug}
    context = {
        "rows": rows_of(page.items, user=request.user),
        "page": page,
        "query": query.urlencode(),
        "category": category,
        "state": Topic.IdeaState(state),
        "states": [
            (_address({**chosen, "state": value}), label, value == state)
            for value, label in Topic.IdeaState.choices
        ],
        "sorts": [
            (_address({**chosen, "sort": name}), label, name == sort)
            for name, label in IDEA_SORTS.items()
        ],
        **sidebar_of(request.user),
    }
    return render(request, "forum/idea_list.html", context)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def idea_decide(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Say what becomes of an idea, with a word to those who wish for it."""
    topic = visible_topic(request, pk)
    if not topic.is_idea:
        raise Http404
    if not permissions.can_decide_idea(request.user, topic):
        raise PermissionDenied
    form = IdeaForm(request.POST or None, initial={"state": topic.idea_state})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.set_idea_state(topic, by=request.user, **form.cleaned_data)
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                drafting.accept(request)
                return redirect(f"{topic.get_absolute_url()}#decision")
    context = {
        "form": form,
        "topic": topic,
        "decisions": topic.decisions.select_related("by").order_by("-pk"),
        "title": _("What becomes of this idea"),
    }
    return render(request, "forum/idea_decide.html", context, status=status)


def _address(chosen: dict[str, str]) -> str:
    return "?" + urlencode({name: value for name, value in chosen.items() if value})
