"""What a person was told, over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from edge.endpoints import Endpoint, PageQuery, PageSerializer, page_of
from edge.pagination import paginate
from notifications import services
from notifications.models import Notification
from notifications.wording import said_now


class NotificationSerializer(serializers.Serializer[Any]):
    """One message; more of the same are counted in it."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    title = serializers.CharField(source="title_now")
    body = serializers.CharField(source="body_now")
    url = serializers.CharField()
    count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class NotificationPageSerializer(PageSerializer):
    """A page of messages, the newest first."""

    results = NotificationSerializer(many=True)


class NotificationQuery(PageQuery):
    """Which messages."""

    unread = serializers.BooleanField(
        default=False, help_text="Only those that were not read yet."
    )


class NotificationList(Endpoint):
    """What the caller was told, about what they may still see; reading all of it."""

    query = NotificationQuery
    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(
        operation_id="list_notifications", responses=NotificationPageSerializer
    )
    def get(self, request: Request) -> Response:
        visible = Notification.objects.visible_to(caller(request))
        if self.asked["unread"]:
            visible = visible.unread()
        page = paginate(
            visible, order_by=("-created_at", "-pk"), cursor=self.asked["cursor"]
        )
        said_now(page.items)
        return Response(page_of(page, NotificationSerializer))

    @extend_schema(operation_id="read_all_notifications", responses={204: None})
    def put(self, request: Request) -> Response:
        services.mark_read(caller(request))
        return Response(status=204)


class NotificationDetail(Endpoint):
    """One message, read by putting it."""

    permission_classes = [IsAuthenticated, has_scope("forum:write")]

    @extend_schema(operation_id="read_notification", responses={204: None})
    def put(self, request: Request, pk: int) -> Response:
        visible = Notification.objects.visible_to(caller(request))
        notification = get_object_or_404(visible, pk=pk)
        services.mark_read(caller(request), notification.pk)
        return Response(status=204)
