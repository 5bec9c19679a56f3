"""How closely the caller follows categories and tags, over REST."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from community.forum import services
from community.forum.models import Category, Tag, WatchLevel
from edge.endpoints import Endpoint, takes
from edge.rest import StrictSerializer


class WatchLevelSerializer(StrictSerializer):
    """How closely something is followed."""

    level = serializers.ChoiceField(choices=WatchLevel.choices)


class CategoryWatching(Endpoint):
    """How closely the caller follows a category."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="watch_category",
        responses=WatchLevelSerializer,
    )
    @takes(WatchLevelSerializer)
    def put(self, request: Request, slug: str) -> Response:
        visible = Category.objects.visible_to(request.user)
        category = get_object_or_404(visible, slug=slug)
        return _set(request, category, self.read_body()["level"])


class TagWatching(Endpoint):
    """How closely the caller follows a tag."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="watch_tag",
        responses=WatchLevelSerializer,
    )
    @takes(WatchLevelSerializer)
    def put(self, request: Request, slug: str) -> Response:
        visible = Tag.objects.visible_to(request.user)
        tag = get_object_or_404(visible, slug=slug)
        return _set(request, tag, self.read_body()["level"])


def _set(request: Request, thing: Category | Tag, level: str) -> Response:
    services.set_watch(thing, user=caller(request), level=level)
    return Response({"level": level})
