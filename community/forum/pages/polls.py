"""Polls: asking one, voting, ending it, and who voted."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.forms import ReplyForm
from community.forum.lookups import post_place, visible_post
from community.forum.models import Ballot, Poll, Post
from community.forum.pages.topics import RefusedBallot, show_topic
from community.forum.polling import PollForm
from community.forum.polls import poll_rows
from core.errors import DomainError
from core.reading import cursor_of, whole_number
from edge import drafting
from edge.pagination import paginate
from edge.types import PageRequest


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def poll_edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Ask something under a first post, as long as nobody voted."""
    post = visible_post(request, pk)
    if not permissions.can_edit(request.user, post):
        raise PermissionDenied
    poll = Poll.objects.filter(post=post).first()
    form = PollForm(request.POST or None, poll=poll)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.set_poll(post, form.cleaned_data["poll"], by=request.user)
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                drafting.accept(request)
                return redirect(_place(post))
    context = {"form": form, "post": post, "poll": poll}
    if poll is not None:
        poll.post = post
        context["row"] = poll_rows([poll], user=request.user)[post.pk]
    return render(request, "forum/poll_edit.html", context, status=status)


@require_POST
@sign_in_required(page=post_place)
def poll_vote(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Vote, change one's vote, or take it back by choosing nothing."""
    post, poll = _asked(request, pk)
    # What is no number is no option; a key that is none is refused below.
    sent = [whole_number(value) or 0 for value in request.POST.getlist("option")]
    try:
        services.set_ballot(poll, by=request.user, options=sent)
    except DomainError as error:
        refused = RefusedBallot(poll.pk, frozenset(sent), str(error))
        return show_topic(
            request, post.topic, ReplyForm(), refused=refused, status=error.status
        )
    return redirect(_place(post))


@require_POST
@sign_in_required(page=post_place)
def poll_end(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Let nobody vote from now on."""
    post, poll = _asked(request, pk)
    if not permissions.can_edit(request.user, post):
        raise PermissionDenied
    services.mark_ended(poll, by=request.user)
    return redirect(_place(post))


@require_POST
@sign_in_required(page=post_place)
def poll_remove(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a poll off; with votes in it only moderators do."""
    post, poll = _asked(request, pk)
    if not permissions.can_edit(request.user, post):
        raise PermissionDenied
    is_forced = permissions.can_moderate(request.user)
    services.remove_poll(poll, by=request.user, is_forced=is_forced)
    messages.success(request, _("The poll was removed."))
    return redirect(post)


@require_safe
def poll_voters(request: PageRequest, pk: int) -> HttpResponse:
    """Who chose what in a poll that says so, once the reader may see its results."""
    post, poll = _asked(request, pk)
    row = poll_rows([poll], user=request.user)[post.pk]
    if poll.is_anonymous or not row.shows_results:
        raise Http404
    page = paginate(
        Ballot.objects.visible_to(request.user)
        .filter(poll=poll)
        .select_related("user")
        .prefetch_related("options"),
        order_by=("-voted_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = {"post": post, "poll": poll, "page": page}
    return render(request, "forum/poll_voters.html", context)


def _asked(request: PageRequest, pk: int) -> tuple[Post, Poll]:
    """Return a post the reader may see and its poll, or 404."""
    post = visible_post(request, pk)
    poll = get_object_or_404(Poll, post=post)
    poll.post = post
    return post, poll


def _place(post: Post) -> str:
    """Return where in its topic a poll is."""
    address = post.topic.get_absolute_url()
    query = "" if post.is_opening else f"?n={post.number}"
    return f"{address}{query}#poll-{post.pk}"
