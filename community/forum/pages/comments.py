"""Comments: all of a post's, writing one, changing it and taking it away."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.forms import CommentForm
from community.forum.lookups import (
    comment_place,
    comments_page,
    visible_comment,
    visible_post,
)
from community.forum.models import Comment, Post
from community.forum.pages.posts import MAX_REASON
from community.forum.windows import COMMENTS, comment_row
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate
from edge.types import PageRequest


@require_safe
def comment_list(request: PageRequest, pk: int) -> HttpResponse:
    """Every comment under a post, the oldest first, and a form for one more."""
    return _page(request, visible_post(request, pk), CommentForm())


@require_POST
@sign_in_required(page=comments_page)
def comment_create(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Write a comment."""
    post = visible_post(request, pk)
    form = CommentForm(request.POST)
    if form.is_valid():
        if not permissions.can_comment(request.user, post):
            raise PermissionDenied
        try:
            comment = services.post_comment(
                post,
                author=request.user,
                text=form.cleaned_data["comment"],
                client_token=form.cleaned_data["client_token"],
            )
        except DomainError as error:
            form.refuse(error)
        else:
            drafting.accept(request)
            return redirect(place_of(comment))
    return _page(request, post, form, status=422)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def comment_edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Change what a comment says, while it is fresh."""
    comment = visible_comment(request, pk)
    if comment.author_id != request.user.pk:
        raise PermissionDenied
    first = {"comment": comment.source_md}
    form = CommentForm(request.POST or None, initial=first)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.edit_comment(
                    comment, editor=request.user, text=form.cleaned_data["comment"]
                )
            except DomainError as error:
                form.refuse(error)
            else:
                drafting.accept(request)
                return redirect(place_of(comment))
    context = {"form": form, "comment": comment, "post": comment.post}
    return render(request, "forum/comment_edit.html", context, status=status)


@require_POST
@sign_in_required(page=comment_place)
def comment_hide(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a comment out of sight, or bring it back."""
    comment = visible_comment(request, pk)
    if comment.hidden_at:
        if not permissions.can_restore_comment(request.user, comment):
            raise PermissionDenied
        services.restore_comment(comment, by=request.user)
    else:
        if not permissions.can_hide_comment(request.user, comment):
            raise PermissionDenied
        reason = Values(request.POST).text("reason", most=MAX_REASON)
        services.hide_comment(comment, by=request.user, reason=reason)
    drafting.accept(request)
    return redirect(place_of(comment))


def place_of(comment: Comment) -> str:
    """Return where a comment is read: under its post while it is one of the latest."""
    newer = Comment.objects.filter(post=comment.post_id, number__gt=comment.number)
    if newer.count() < COMMENTS:
        address = comment.post.get_absolute_url().partition("#")[0]
        return f"{address}#comment-{comment.pk}"
    return comment.get_absolute_url()


def _page(
    request: PageRequest, post: Post, form: CommentForm, *, status: int = 200
) -> HttpResponse:
    visible = Comment.objects.visible_to(request.user).filter(post=post)
    page = paginate(
        visible.select_related("author"),
        order_by=("number", "pk"),
        cursor=cursor_of(request),
    )
    for comment in page.items:
        comment.post = post
    if request.user.is_authenticated:
        services.mark_comments_read(page.items, user=request.user)
    context = {
        "post": post,
        "topic": post.topic,
        "page": page,
        "rows": [comment_row(comment, user=request.user) for comment in page.items],
        "form": form,
        "may_comment": permissions.can_comment(request.user, post),
        "can_moderate": permissions.can_moderate(request.user),
    }
    return render(request, "forum/comment_list.html", context, status=status)
