"""Finding what a page is about, and who may act on it."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from community.forum.models import Post, Topic

View = Callable[..., HttpResponse]


def visible_topic(request: HttpRequest, pk: int) -> Topic:
    """Return a topic the reader may see, or 404."""
    visible = Topic.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("category", "author", "solution"), pk=pk
    )


def visible_post(request: HttpRequest, pk: int) -> Post:
    """Return a post the reader may see, or 404."""
    visible = Post.objects.visible_to(request.user)
    return get_object_or_404(
        visible.select_related("topic", "topic__category", "author"), pk=pk
    )


def signed_in_post(
    find: Callable[[HttpRequest, int], Topic | Post],
) -> Callable[[View], View]:
    """Let signed-in POSTs in; others sign in and come back to the page.

    The way back is the page and not the form's address, which answers no GET.
    """

    def decorate(view: View) -> View:
        @require_POST
        @wraps(view)
        def wrapped(request: HttpRequest, pk: int) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(find(request, pk).get_absolute_url())
            return view(request, pk)

        return wrapped

    return decorate
