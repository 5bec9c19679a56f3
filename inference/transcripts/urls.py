"""URLs of transcripts."""

from django.urls import path

from inference.transcripts import views

app_name = "transcripts"
urlpatterns = [
    path("console/<slug:org>/transcripts/", views.choice, name="choice"),
    path("console/<slug:org>/transcripts/off/", views.turn_off, name="turn-off"),
    path(
        "console/<slug:org>/transcripts/<str:request_id>/",
        views.transcript,
        name="transcript",
    ),
    path(
        "console/<slug:org>/transcripts/<str:request_id>/delete/",
        views.delete,
        name="delete",
    ),
]
