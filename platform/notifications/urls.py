"""URLs of notifications."""

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.notification_list, name="list"),
    path("notifications/_unread/", views.unread_count, name="unread-count"),
    path("notifications/read/", views.mark_all_read, name="mark-all-read"),
    path("notifications/<int:pk>/open/", views.open_notification, name="open"),
    path("settings/notifications/", views.preferences, name="preferences"),
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
