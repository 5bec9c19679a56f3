"""What moderators do to topics: lock, pin and move, join and split."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.joining import JoinForm, SplitForm
from community.forum.lookups import topic_page, visible_topic
from community.forum.models import Category, Post, Topic
from community.forum.pages.topics import MOST_POSTS, PIN_DAYS
from core.errors import DomainError
from core.reading import Values
from edge import drafting

# In characters; a line of a wide screen.
EXCERPT = 120


@require_POST
@sign_in_required(page=topic_page)
def topic_moderate(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Lock, pin or move a topic, or make it one of another kind."""
    topic = visible_topic(request, pk)
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    if topic.pk != pk:
        # It was joined to another one meanwhile, which was not meant.
        return redirect(topic)
    sent = Values(request.POST)
    acts: dict[str, Callable[[], object]] = {
        "lock": lambda: services.set_locked(topic, by=request.user, is_locked=True),
        "unlock": lambda: services.set_locked(topic, by=request.user, is_locked=False),
        "pin": lambda: services.set_pinned(
            topic, by=request.user, is_pinned=True, until=services.pin_end(_days(sent))
        ),
        "kind": lambda: services.set_kind(topic, by=request.user, kind=_kind(sent)),
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


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def topic_join(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Make a topic part of another one."""
    topic = _moderated(request, pk)
    form = JoinForm(request.POST or None, user=request.user, topic=topic)
    if request.method == "POST" and form.is_valid():
        try:
            target = services.join_topics(
                topic, into=form.cleaned_data["into"], by=request.user
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            drafting.accept(request)
            messages.success(request, _("The topics are one now."))
            return redirect(target)
    context = {"form": form, "topic": topic}
    status = 422 if request.method == "POST" else 200
    return render(request, "forum/topic_join.html", context, status=status)


@require_POST
@sign_in_required(page=topic_page)
def topic_unjoin(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a topic that was joined to another one out again."""
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    topic = services.unjoin_topic(get_object_or_404(Topic, pk=pk), by=request.user)
    messages.success(request, _("It is a topic of its own again."))
    return redirect(topic)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def topic_split(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Make replies of a topic one of their own."""
    topic = _moderated(request, pk)
    start = Values(request.GET).whole("n", default=2, least=2, most=MOST_POSTS)
    replies = topic.posts.filter(hidden_at=None, number__gte=start)
    shown = list(
        replies.select_related("author").order_by("number")[: services.MOST_SPLIT]
    )
    choices = [
        (post.number, f"#{post.number} {post.author.name}: {excerpt(post)}")
        for post in shown
    ]
    first = {"category": topic.category, "kind": topic.kind}
    form = SplitForm(request.POST or None, choices=choices, initial=first)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            new = services.split_topic(
                topic,
                numbers=values["numbers"],
                title=values["title"],
                category=values["category"],
                kind=values["kind"],
                by=request.user,
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            drafting.accept(request)
            messages.success(request, _("The replies have a topic of their own now."))
            return redirect(new)
    more = shown[-1].number + 1 if len(shown) == services.MOST_SPLIT else 0
    context = {"form": form, "topic": topic, "more": more}
    status = 422 if request.method == "POST" else 200
    return render(request, "forum/topic_split.html", context, status=status)


def _days(sent: Values) -> int:
    """Return for how many days to pin."""
    chosen = sent.choice("days", [str(days) for days in PIN_DAYS], default="0")
    return int(chosen)


def _kind(sent: Values) -> str:
    """Return the kind that was chosen. Raises ``PermissionDenied`` without one."""
    kind = sent.choice("kind", Topic.Kind.values)
    if not kind:
        raise PermissionDenied
    return kind


def excerpt(post: Post) -> str:
    """Return the beginning of a post, on one line."""
    return Truncator(" ".join(post.plain.split())).chars(EXCERPT)


def _moderated(request: AuthenticatedHttpRequest, pk: int) -> Topic:
    topic = visible_topic(request, pk)
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    return topic
