"""What moderators do to topics over REST: joining and splitting."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from community.forum import permissions, services
from community.forum.models import Category, Topic
from community.forum.serializers import (
    JoinSerializer,
    SplitSerializer,
    TopicSerializer,
)
from edge.endpoints import Endpoint, takes


class Joining(Endpoint):
    """Making a topic part of another one, and taking it out again."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(operation_id="join_topics", responses=TopicSerializer)
    @takes(JoinSerializer)
    def put(self, request: Request, pk: int) -> Response:
        topic = _moderated(request, pk)
        number = self.read_body()["into"]
        visible = Topic.objects.visible_to(request.user)
        target = visible.filter(pk=number, hidden_at=None).first()
        if target is None:
            raise serializers.ValidationError({"into": ["There is no such topic."]})
        services.join_topics(topic, into=target, by=caller(request))
        return _answer(target, status=200)

    @extend_schema(operation_id="unjoin_topic", responses=TopicSerializer)
    def delete(self, request: Request, pk: int) -> Response:
        if not permissions.can_moderate(request.user):
            raise PermissionDenied
        topic = get_object_or_404(Topic, pk=pk)
        services.unjoin_topic(topic, by=caller(request))
        return _answer(topic, status=200)


class Splitting(Endpoint):
    """Making replies of a topic one of their own."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="split_topic",
        responses={201: TopicSerializer},
    )
    @takes(SplitSerializer)
    def post(self, request: Request, pk: int) -> Response:
        topic = _moderated(request, pk)
        values = self.read_body()
        named = values.pop("category", topic.category.slug)
        category = Category.objects.filter(slug=named).first()
        if category is None:
            raise serializers.ValidationError(
                {"category": ["There is none of that name."]}
            )
        kind = values.pop("kind", topic.kind)
        new = services.split_topic(
            topic, category=category, kind=kind, by=caller(request), **values
        )
        return _answer(new, status=201)


def _moderated(request: Request, pk: int) -> Topic:
    visible = Topic.objects.visible_to(request.user).select_related("category")
    topic = get_object_or_404(visible, pk=pk)
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    return topic


def _answer(topic: Topic, *, status: int) -> Response:
    topics = Topic.objects.select_related("category", "author")
    return Response(TopicSerializer(topics.get(pk=topic.pk)).data, status=status)
