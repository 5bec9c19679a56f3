"""REST URLs of notifications."""

from django.urls import path

from notifications import api

urlpatterns = [
    path("notifications/", api.NotificationList.as_view(), name="notification-list"),
    path(
        "notifications/<int:pk>/",
        api.NotificationDetail.as_view(),
        name="notification-detail",
    ),
]
