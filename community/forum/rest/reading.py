"""What every endpoint of the forum begins and ends with."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework.permissions import BasePermission, IsAuthenticatedOrReadOnly
from rest_framework.request import Request

from accounts.authentication import has_scope
from community.forum.models import Post
from edge.rest import StrictSerializer

WRITES: list[type[BasePermission]] = [
    IsAuthenticatedOrReadOnly,
    has_scope("forum:write"),
]


def visible_post(request: Request, pk: int) -> Post:
    """Return a post the caller may see, or 404."""
    visible = Post.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("topic__category", "author"), pk=pk)


def valid(kind: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """Return what was sent, as ``kind`` takes it. Raises ``ValidationError``."""
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
