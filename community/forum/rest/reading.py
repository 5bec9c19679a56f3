"""What every endpoint of the forum begins and ends with."""

from django.shortcuts import get_object_or_404
from rest_framework.permissions import BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request

from accounts.authentication import has_scope
from community.forum.models import Post

WRITES: list[type[BasePermission]] = [
    IsAuthenticatedOrReadOnly,
    has_scope("forum:write"),
]


def visible_post(request: Request, pk: int) -> Post:
    """Return a post the caller may see, or 404."""
    visible = Post.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("topic__category", "author"), pk=pk)
