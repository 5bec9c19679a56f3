"""URLs of forums that moved in."""

from django.urls import path

from community.imports import views

app_name = "imports"
urlpatterns = [
    path("settings/history/", views.history, name="history"),
    path("settings/history/<int:pk>/claim/", views.history_claim, name="history-claim"),
    path(
        "settings/history/<int:pk>/release/",
        views.history_release,
        name="history-release",
    ),
    path("old/<slug:source>/<path:path>", views.old_address, name="old-address"),
]
