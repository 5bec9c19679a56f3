"""The posts a person keeps, and when they are reminded of them."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import services
from community.forum.lookups import post_place, visible_post
from community.forum.models import Bookmark
from community.forum.reminders import BookmarkForm
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate


@require_safe
@sign_in_required
def bookmark_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The posts the reader keeps, the last kept first."""
    kept = Bookmark.objects.visible_to(request.user)
    page = paginate(
        kept.select_related("post__topic__category", "post__author"),
        order_by=("-created_at", "-pk"),
        cursor=cursor_of(request),
    )
    return render(request, "forum/bookmark_list.html", {"page": page})


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def bookmark_edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Keep a post, with a note and a reminder if they like."""
    post = visible_post(request, pk)
    kept = Bookmark.objects.filter(user=request.user, post=post).first()
    status = 200
    if request.method == "POST":
        form = BookmarkForm(request.POST, kept=kept)
        status = 422
        if form.is_valid():
            try:
                services.set_bookmark(
                    post,
                    user=request.user,
                    note=form.cleaned_data["note"],
                    remind_at=form.cleaned_data["remind_at"],
                )
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                drafting.accept(request)
                return redirect(post)
    else:
        form = BookmarkForm(kept=kept)
    context = {"form": form, "post": post, "kept": kept}
    return render(request, "forum/bookmark_edit.html", context, status=status)


@require_POST
@sign_in_required(page=post_place)
def bookmark_remove(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Keep a post no longer."""
    post = visible_post(request, pk)
    services.remove_bookmark(post, user=request.user)
    if Values(request.POST).flag("list"):
        return redirect("forum:bookmark-list")
    return redirect(post)
