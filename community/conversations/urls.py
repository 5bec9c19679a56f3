"""URLs of conversations."""

from django.urls import path

from community.conversations import views

app_name = "conversations"
urlpatterns = [
    path("messages/", views.conversation_list, name="conversation-list"),
    path("messages/new/", views.conversation_create, name="conversation-create"),
    path("messages/reach/", views.reach_edit, name="reach-edit"),
    path("messages/export/", views.message_export, name="message-export"),
    path("messages/<int:pk>/", views.conversation_detail, name="conversation-detail"),
    path("messages/<int:pk>/write/", views.message_create, name="message-create"),
    path(
        "messages/<int:pk>/leave/", views.conversation_leave, name="conversation-leave"
    ),
    path("messages/m/<int:pk>/remove/", views.message_remove, name="message-remove"),
    path("messages/m/<int:pk>/report/", views.message_report, name="message-report"),
]
