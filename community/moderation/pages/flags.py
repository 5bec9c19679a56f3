"""Reporting a post or a comment."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum.lookups import visible_comment, visible_post
from community.forum.models import Comment, Post
from community.moderation import services
from community.moderation.forms import FlagForm
from core.errors import DomainError
from edge import drafting


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def post_flag(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Report a post to the moderators."""
    post = visible_post(request, pk)
    return _page(
        request,
        post,
        lambda values: services.raise_post_flag(post, by=request.user, **values),
    )


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def comment_flag(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Report a comment to the moderators."""
    comment = visible_comment(request, pk)
    return _page(
        request,
        comment,
        lambda values: services.raise_comment_flag(comment, by=request.user, **values),
    )


def _page(
    request: AuthenticatedHttpRequest,
    text: Post | Comment,
    flag: Callable[[dict[str, Any]], object],
) -> HttpResponse:
    form = FlagForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                flag(form.cleaned_data)
            except DomainError as error:
                form.add_error(None, str(error))
                status = error.status
            else:
                drafting.accept(request)
                messages.success(request, _("Thank you. A moderator will look at it."))
                return redirect(text.get_absolute_url())
    context = {"form": form, "text": text}
    return render(request, "moderation/flag.html", context, status=status)
