"""REST URLs of conversations."""

from django.urls import path

from community.conversations import api

urlpatterns = [
    path("conversations/", api.ConversationList.as_view(), name="conversation-list"),
    path("conversations/<int:pk>/", api.Leaving.as_view(), name="conversation-leave"),
    path(
        "conversations/<int:pk>/messages/",
        api.MessageList.as_view(),
        name="message-list",
    ),
    path("messages/<int:pk>/flag/", api.MessageFlagging.as_view(), name="message-flag"),
]
