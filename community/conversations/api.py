"""Conversations over REST. A token needs ``messages``, for reading, too."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.models import PersonalAccessToken
from community.conversations import services
from community.conversations.models import PrivateConversation, PrivateMessage
from community.conversations.queries import list_conversations, rows_of
from community.conversations.serializers import (
    ConversationPageSerializer,
    ConversationSerializer,
    MessagePageSerializer,
    MessageSerializer,
    NewConversationSerializer,
    NewMessageSerializer,
    StartedSerializer,
)
from community.moderation.serializers import FlagSerializer, NewFlagSerializer
from edge.endpoints import Endpoint, PageQuery, page_of, takes
from edge.pagination import CursorPage, paginate

SCOPE = "messages"


class MayRead(BasePermission):
    """A token reads what its person may, but for messages, which it has to name."""

    message = f"The token has no scope {SCOPE}."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether a session or a token with the scope asks."""
        token = request.auth
        return token is None or (
            isinstance(token, PersonalAccessToken) and SCOPE in token.scopes
        )


class ConversationList(Endpoint):
    """The conversations the caller takes part in, and beginning one."""

    query = PageQuery
    permission_classes = [IsAuthenticated, MayRead]

    @extend_schema(
        operation_id="list_conversations", responses=ConversationPageSerializer
    )
    def get(self, request: Request) -> Response:
        page = list_conversations(caller(request), self.asked["cursor"])
        rows = CursorPage(
            items=rows_of(page.items),  # type: ignore[type-var]
            next_cursor=page.next_cursor,
            previous_cursor=page.previous_cursor,
        )
        return Response(page_of(rows, ConversationSerializer))

    @extend_schema(
        operation_id="create_conversation",
        responses={201: StartedSerializer},
    )
    @takes(NewConversationSerializer)
    def post(self, request: Request) -> Response:
        sender = caller(request)
        values = self.read_body(sender=sender)
        conversation = services.create_conversation(by=sender, **values)
        first = conversation.messages.select_related("author").get(number=1)
        return Response(StartedSerializer(first).data, status=201)


class MessageList(Endpoint):
    """What was said in a conversation, the latest first, and writing in it."""

    query = PageQuery
    permission_classes = [IsAuthenticated, MayRead]

    @extend_schema(operation_id="list_messages", responses=MessagePageSerializer)
    def get(self, request: Request, pk: int) -> Response:
        page = paginate(
            _conversation(request, pk).messages.select_related("author"),
            order_by=("-number", "pk"),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, MessageSerializer))

    @extend_schema(
        operation_id="create_message",
        responses={201: MessageSerializer},
    )
    @takes(NewMessageSerializer)
    def post(self, request: Request, pk: int) -> Response:
        conversation = _conversation(request, pk)
        values = self.read_body()
        message = services.create_message(conversation, by=caller(request), **values)
        return Response(MessageSerializer(message).data, status=201)


class Leaving(Endpoint):
    """Leaving a conversation."""

    permission_classes = [IsAuthenticated, MayRead]

    @extend_schema(operation_id="leave_conversation", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.leave_conversation(_conversation(request, pk), by=caller(request))
        return Response(status=204)


class MessageFlagging(Endpoint):
    """Showing a message to the moderators; they see it and nothing else of it."""

    permission_classes = [IsAuthenticated, MayRead]

    @extend_schema(
        operation_id="flag_message",
        responses={201: FlagSerializer},
    )
    @takes(NewFlagSerializer)
    def post(self, request: Request, pk: int) -> Response:
        visible = PrivateMessage.objects.visible_to(caller(request))
        message = get_object_or_404(visible, pk=pk)
        values = self.read_body()
        flag = services.flag_message(message, by=caller(request), **values)
        return Response(FlagSerializer(flag).data, status=201)


def _conversation(request: Request, pk: int) -> PrivateConversation:
    return get_object_or_404(
        PrivateConversation.objects.visible_to(caller(request)), pk=pk
    )
