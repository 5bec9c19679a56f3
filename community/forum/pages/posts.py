"""What happens to one post: edits and their history, votes, reactions, hiding."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.exceptions import EditConflict
from community.forum.forms import EditForm
from community.forum.lookups import history_page, post_place, visible_post
from community.forum.models import Post, Reaction
from community.forum.queries import names_of
from community.forum.revisions import lines_between, revisions_of
from core.errors import DomainError
from core.reading import Values
from edge import drafting
from edge.types import PageRequest

# What a button of a vote sends.
VOTES = {"up": 1, "down": -1, "none": 0}
# As long as the column that keeps it.
MAX_REASON = 300


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def post_edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Change what a post says."""
    post = visible_post(request, pk)
    if not permissions.can_edit(request.user, post):
        raise PermissionDenied
    first = {
        "title": post.topic.title,
        "text": post.source_md,
        "base": services.edition_of(post),
    }
    if post.is_opening:
        first["tags"] = ", ".join(names_of(post.topic))
    form = EditForm(request.POST or None, initial=first, is_opening=post.is_opening)
    context: dict[str, object] = {"form": form, "post": post}
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_post(
                post,
                editor=request.user,
                text=form.cleaned_data["text"],
                title=form.cleaned_data.get("title", ""),
                reason=form.cleaned_data["reason"],
                base=form.cleaned_data["base"],
                tags=form.cleaned_data.get("tags"),
            )
        except EditConflict as error:
            context |= _conflict(form, visible_post(request, pk), error)
            return render(request, "forum/post_edit.html", context, status=409)
        except DomainError as error:
            form.add_error(None, str(error))
            return render(request, "forum/post_edit.html", context, status=error.status)
        drafting.accept(request)
        return redirect(Post.objects.select_related("topic").get(pk=pk))
    status = 422 if form.errors else 200
    return render(request, "forum/post_edit.html", context, status=status)


@require_safe
def post_detail(request: PageRequest, pk: int) -> HttpResponse:
    """Go to a post in its topic."""
    return redirect(visible_post(request, pk))


@require_safe
def post_history(request: PageRequest, pk: int) -> HttpResponse:
    """What a post said before, edit by edit."""
    post = visible_post(request, pk)
    context = {
        "post": post,
        "changes": revisions_of(post, reader=request.user),
        "can_moderate": permissions.can_moderate(request.user),
    }
    return render(request, "forum/post_history.html", context)


@require_POST
@sign_in_required(page=history_page)
def revision_hide(
    request: AuthenticatedHttpRequest, pk: int, number: int
) -> HttpResponse:
    """Keep an earlier version of a post from its readers, or show it again."""
    post = visible_post(request, pk)
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    revision = get_object_or_404(post.revisions, number=number)
    act = Values(request.POST).choice("act", ("hide", "restore"))
    if not act:
        raise PermissionDenied
    services.set_revision_hidden(revision, by=request.user, is_hidden=act == "hide")
    return redirect("forum:post-history", pk)


@require_POST
@sign_in_required(page=post_place)
def post_vote(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Vote a post up or down, or take the vote back."""
    post = visible_post(request, pk)
    value = Values(request.POST).choice("value", VOTES)
    if not value:
        raise PermissionDenied
    services.vote(post, by=request.user, value=VOTES[value])
    return redirect(post)


@require_POST
@sign_in_required(page=post_place)
def post_react(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """React to a post in one of a few ways, or take that back."""
    post = visible_post(request, pk)
    sent = Values(request.POST)
    kind = sent.choice("kind", Reaction.Kind.values)
    act = sent.choice("act", ("add", "remove"))
    if not kind or not act:
        raise PermissionDenied
    services.set_reaction(
        post, by=request.user, kind=Reaction.Kind(kind), is_on=act == "add"
    )
    return redirect(post)


@require_POST
@sign_in_required(page=post_place)
def post_hide(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a post out of sight, with a reason; or bring it back."""
    post = visible_post(request, pk)
    may = permissions.can_restore if post.hidden_at else permissions.can_hide
    if not may(request.user, post):
        raise PermissionDenied
    if post.hidden_at:
        services.restore_post(post, by=request.user)
    else:
        reason = Values(request.POST).text("reason", most=MAX_REASON)
        services.hide_post(post, by=request.user, reason=reason)
    drafting.accept(request)
    return redirect(post.topic)


def _conflict(form: EditForm, post: Post, error: EditConflict) -> dict[str, object]:
    """Return both versions, and a form that would replace the one it now shows."""
    typed = form.cleaned_data
    data = {**typed, "base": services.edition_of(post)}
    if post.is_opening:
        data["tags"] = ", ".join(typed["tags"])
    again = EditForm(data, is_opening=post.is_opening)
    again.add_error(None, str(error))
    now = {"title": post.topic.title, "tags": names_of(post.topic)}
    return {
        "form": again,
        "post": post,
        "conflict": list(lines_between(post.source_md, typed["text"])),
        "now": {name: value for name, value in now.items() if name in typed},
    }
